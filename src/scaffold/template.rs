//! The files of a new project, for a folder with nothing in it.

use super::{Survey, database::Kind, manifests::ManifestText, source::Source};
use crate::manifest::kind_of;

/// What a new project starts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Template {
    /// A Flask application in one file: the plainest that answers over HTTP.
    #[default]
    Flask,
    /// A FastAPI application in one file.
    FastApi,
    /// Django's own start, made by `django-admin` in a container.
    Django,
    /// A script.
    Script,
}

/// What a file of packages starts with.
pub const NO_PACKAGES: &str = include_str!("../../assets/init/script/requirements.txt");

impl Template {
    /// As `--template` names it.
    pub fn name(self) -> &'static str {
        match self {
            Template::Flask => "flask",
            Template::FastApi => "fastapi",
            Template::Django => "django",
            Template::Script => "script",
        }
    }

    /// As people call it.
    pub fn title(self) -> &'static str {
        match self {
            Template::Flask => "Flask",
            Template::FastApi => "FastAPI",
            Template::Django => "Django",
            Template::Script => "Python",
        }
    }

    /// Its files: name and text. `packages` are added to the packages.
    pub fn files(self, packages: &[&str]) -> Vec<(&'static str, String)> {
        let (program, requirements) = match self {
            Template::Flask => (
                Some(("app.py", include_str!("../../assets/init/flask/app.py"))),
                include_str!("../../assets/init/flask/requirements.txt"),
            ),
            Template::FastApi => (
                Some(("main.py", include_str!("../../assets/init/fastapi/main.py"))),
                include_str!("../../assets/init/fastapi/requirements.txt"),
            ),
            Template::Django => (None, include_str!("../../assets/init/django/requirements.txt")),
            Template::Script => (Some(("main.py", include_str!("../../assets/init/script/main.py"))), NO_PACKAGES),
        };
        let mut requirements = requirements.to_owned();
        packages.iter().for_each(|package| requirements.push_str(&format!("{package}\n")));
        let program = program.map(|(name, text)| (name, text.to_owned()));
        program.into_iter().chain([("requirements.txt", requirements)]).collect()
    }

    /// The command that makes the rest of its files, in a container of the project's own image.
    pub fn command(self) -> Option<Vec<String>> {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        (self == Template::Django).then(|| words("django-admin startproject config ."))
    }

    /// The folder as it will be once the template is there.
    pub fn survey(self, folder: &Survey, files: &[(&'static str, String)]) -> Survey {
        let mut survey = folder.clone();
        let made: &[(&str, &str)] = match self {
            Template::Django => &[
                ("manage.py", "execute_from_command_line(sys.argv)"),
                ("config/__init__.py", ""),
                ("config/wsgi.py", "application = get_wsgi_application()"),
                (
                    DJANGO_SETTINGS,
                    "os.environ['DB_HOST']\nos.environ['DB_PORT']\nos.environ['DB_NAME']\nos.environ['DB_USER']\nos.environ['DB_PASSWORD']\n",
                ),
            ],
            _ => &[],
        };
        for (name, text) in files.iter().map(|(name, text)| (*name, text.as_str())).chain(made.iter().copied()) {
            survey.entries.insert(name.to_owned());
            if let Some(kind) = kind_of(name) {
                survey.manifests.insert(name.to_owned(), ManifestText::read(name, kind, text.to_owned()));
            } else {
                survey.sources.push(Source::read(name, text));
            }
        }
        survey
    }
}

/// Where Django's start keeps its settings.
pub const DJANGO_SETTINGS: &str = "config/settings.py";

/// The databases of Django's start, as `django-admin` writes them.
const SQLITE: &str = "\
DATABASES = {
    'default': {
        'ENGINE': 'django.db.backends.sqlite3',
        'NAME': BASE_DIR / 'db.sqlite3',
    }
}
";

/// Django's settings with a database of these in the place of SQLite; `None` where none of them is one of Django's.
///
/// # Errors
/// The settings don't have the form that is known.
#[expect(clippy::result_unit_err, reason = "there is but one way to fail, and the caller knows the file")]
pub fn django_settings(text: &str, kinds: &[Kind]) -> Result<Option<String>, ()> {
    let backend = kinds.iter().find_map(|kind| match kind {
        Kind::Postgres => Some("postgresql"),
        Kind::Mysql => Some("mysql"),
        Kind::Redis => None,
    });
    let Some(backend) = backend else { return Ok(None) };
    let import = "from pathlib import Path\n";
    if !text.contains(SQLITE) || !text.contains(import) {
        return Err(());
    }
    let mut served = format!("DATABASES = {{\n    'default': {{\n        'ENGINE': 'django.db.backends.{backend}',\n");
    for part in DJANGO_PARTS {
        served.push_str(&format!("        '{part}': os.environ['DB_{part}'],\n"));
    }
    served.push_str("    }\n}\n");
    Ok(Some(text.replacen(SQLITE, &served, 1).replacen(import, &format!("import os\n{import}"), 1)))
}

/// The parts of a database's address in Django's settings.
const DJANGO_PARTS: [&str; 5] = ["HOST", "PORT", "NAME", "USER", "PASSWORD"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_take_their_database_from_the_environment() {
        let text = format!("\"\"\"Settings.\"\"\"\n\nfrom pathlib import Path\n\n{SQLITE}\nX = 1\n");
        let served = django_settings(&text, &[Kind::Redis, Kind::Postgres]).unwrap().unwrap();
        assert!(served.contains("import os\nfrom pathlib import Path\n"), "{served}");
        assert!(served.contains("backends.postgresql',\n        'HOST': os.environ['DB_HOST'],\n"), "{served}");
        assert!(!served.contains("sqlite") && served.ends_with("}\n\nX = 1\n"), "{served}");
        assert_eq!(django_settings(&text, &[Kind::Redis]), Ok(None));
        assert_eq!(django_settings("", &[Kind::Mysql]), Err(()));
    }
}
