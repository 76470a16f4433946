//! The verb that sets a project up: init.

use clap::{Args, ValueEnum};

use super::look::Format;
use crate::scaffold::{database::Kind, template::Template};

/// What a new project starts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum New {
    /// A Flask application in one file.
    Flask,
    /// A FastAPI application in one file.
    Fastapi,
    /// Django's own start, made in a container.
    Django,
    /// A script.
    Script,
}

impl From<New> for Template {
    fn from(new: New) -> Self {
        match new {
            New::Flask => Template::Flask,
            New::Fastapi => Template::FastApi,
            New::Django => Template::Django,
            New::Script => Template::Script,
        }
    }
}

/// `devbox init`.
#[derive(Debug, Args)]
#[command(
    after_help = "Writes Dockerfile, docker-compose.yaml and .dockerignore for what it finds: requirements files, pyproject.toml\n\
        (uv, Poetry, PDM or plain), Pipfile, environment.yml; Django, Flask, FastAPI and others, or a script.\n\
        Files that are there are kept. In an empty folder it starts a project, Flask unless told otherwise."
)]
pub struct Init {
    /// Python of the image: 3.13, or 3.13.2 [default: what the project pins or allows]
    #[arg(long, value_name = "VERSION")]
    pub python: Option<String>,
    /// Manifest to install from, where there are several
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<String>,
    /// Program to run, where there are several: app.py, or shop/web.py:app
    #[arg(long, value_name = "FILE[:NAME]")]
    pub app: Option<String>,
    /// Port that the program answers on
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Databases to add: postgres, mysql, redis; postgres:16 for another version
    #[arg(long, value_name = "DATABASE", value_delimiter = ',', value_parser = with)]
    pub with: Vec<(Kind, Option<String>)>,
    /// Databases to leave out though their drivers are listed
    #[arg(long, value_name = "DATABASE", value_delimiter = ',', value_parser = kind)]
    pub without: Vec<Kind>,
    /// Start a new project in an empty folder: flask, fastapi, django, script
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    pub template: Option<New>,
    /// Answer every question with yes
    #[arg(short, long)]
    pub yes: bool,
    /// Print the files and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// table or json
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "table",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub format: Format,
}

fn kind(text: &str) -> Result<Kind, String> {
    Kind::named(text).ok_or_else(|| "known are postgres, mysql and redis".to_owned())
}

fn with(text: &str) -> Result<(Kind, Option<String>), String> {
    let Some((name, tag)) = text.split_once([':', '=']) else { return Ok((kind(text)?, None)) };
    // As an image's tag may be: https://github.com/distribution/reference
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if tag.is_empty() || tag.len() > 128 || tag.starts_with(['.', '-']) || !tag.chars().all(fine) {
        return Err(format!("`{tag}` is no version of an image"));
    }
    Ok((kind(name)?, Some(tag.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_may_have_a_version() {
        assert_eq!(with("postgres"), Ok((Kind::Postgres, None)));
        assert_eq!(with("postgres:16-bookworm"), Ok((Kind::Postgres, Some("16-bookworm".into()))));
        assert_eq!(with("redis=7.2"), Ok((Kind::Redis, Some("7.2".into()))));
        assert!(with("postgres:").is_err() && with("postgres:16\n x").is_err() && with("oracle").is_err());
    }
}
