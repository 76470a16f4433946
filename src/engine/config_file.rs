//! The docker client's `config.json`: which context, which proxies containers get. Credentials in it are [`super::credentials`]'s.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use super::{connect::read_settings, error::EngineError};

/// What of it matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConfigFile {
    /// `docker context use`.
    #[serde(default)]
    pub(super) current_context: Option<String>,
    /// By engine address, and `default`.
    #[serde(default)]
    proxies: BTreeMap<String, Proxies>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proxies {
    http_proxy: Option<String>,
    https_proxy: Option<String>,
    no_proxy: Option<String>,
    ftp_proxy: Option<String>,
    all_proxy: Option<String>,
}

impl ConfigFile {
    /// Reads it; what isn't there is empty.
    pub(super) fn load(docker_dir: &Path) -> Result<Self, EngineError> {
        let path = docker_dir.join("config.json");
        match read_settings(&path)? {
            None => Ok(Self::default()),
            Some(text) if text.trim_ascii().is_empty() => Ok(Self::default()),
            Some(text) => serde_json::from_slice(&text).map_err(|error| EngineError::Settings {
                what: format!("{} can't be read: {error}", path.display()),
                help: "it is the docker client's settings file, JSON".into(),
            }),
        }
    }

    /// The proxy variables that every container of this engine gets, upper and lower case, as the docker client sets them.
    pub(super) fn proxy_variables(&self, address: &str) -> BTreeMap<String, String> {
        let Some(proxies) = self.proxies.get(address).or_else(|| self.proxies.get("default")) else {
            return BTreeMap::new();
        };
        let pairs = [
            ("http_proxy", &proxies.http_proxy),
            ("https_proxy", &proxies.https_proxy),
            ("no_proxy", &proxies.no_proxy),
            ("ftp_proxy", &proxies.ftp_proxy),
            ("all_proxy", &proxies.all_proxy),
        ];
        pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_ref().filter(|value| !value.is_empty())?)))
            .flat_map(|(name, value)| [(name.to_owned(), value.clone()), (name.to_ascii_uppercase(), value.clone())])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_of_the_engine_go_before_the_default() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(ConfigFile::load(dir.path()).unwrap(), ConfigFile::default());
        std::fs::write(
            dir.path().join("config.json"),
            r#"{"proxies":{"default":{"httpProxy":"http://p:1","noProxy":"a"},"tcp://b:1":{"httpsProxy":"http://q:2"}},"auths":{}}"#,
        )
        .unwrap();
        let file = ConfigFile::load(dir.path()).unwrap();
        let names = |address| file.proxy_variables(address).into_keys().collect::<Vec<_>>();
        assert_eq!(names("unix:///x"), ["HTTP_PROXY", "NO_PROXY", "http_proxy", "no_proxy"]);
        assert_eq!(names("tcp://b:1"), ["HTTPS_PROXY", "https_proxy"]);
        std::fs::write(dir.path().join("config.json"), "{").unwrap();
        assert!(ConfigFile::load(dir.path()).unwrap_err().to_string().contains("config.json can't be read"));
    }
}
