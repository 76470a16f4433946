//! `extends`: a service made of another one, of this file or of another.

use std::path::{Path, PathBuf};

use super::{
    load::{Loader, Scope},
    merge,
    report::{Failed, Problem},
    reset::Resets,
    source::{absolute, no_file_named, refuse_remote},
    tree::{Map, Node, Span},
    validate,
};
use crate::model::nearest;

/// The services of one file, and how to speak of them.
struct Origin<'o> {
    path: &'o Path,
    resets: &'o Resets,
}

/// The services that were extended on the way here.
type Chain = Vec<(PathBuf, String)>;

impl Loader<'_> {
    /// Replaces every service of the file that extends another one by the two merged.
    pub(super) fn extend_services(
        &mut self,
        root: &mut Node,
        path: &Path,
        scope: &Scope<'_>,
        resets: &Resets,
    ) -> Result<(), Failed> {
        let Some(services) = root.map_mut().and_then(|root| root.get_mut("services")) else { return Ok(()) };
        let Some(services) = services.map_mut() else {
            // Nothing to extend in; what else is wrong is told with it.
            validate::validate(root, &mut self.report);
            return Err(Failed);
        };
        let extending: Vec<String> = services
            .nodes()
            .filter(|(_, service)| service.map().is_some_and(|service| service.contains("extends")))
            .map(|(name, _)| name.to_owned())
            .collect();
        for name in extending {
            let origin = Origin { path, resets };
            self.extend(&name, services, &origin, scope, &Chain::new())?;
        }
        Ok(())
    }

    /// The service with what it extends; also put back into `services`.
    fn extend(
        &mut self,
        name: &str,
        services: &mut Map,
        origin: &Origin<'_>,
        scope: &Scope<'_>,
        chain: &Chain,
    ) -> Result<Option<Node>, Failed> {
        let Some(service) = services.get(name).filter(|service| !service.is_null()) else { return Ok(None) };
        let Some(map) = service.map() else {
            return Err(self.report.fail(
                Problem::new(format!("`services.{name}` must be a mapping, found {}", service.value.kind()))
                    .at(service.span)
                    .label("expected a mapping"),
            ));
        };
        let Some(extends) = map.entry("extends") else { return Ok(Some(service.clone())) };
        let key = extends.key;
        let (base_name, file) = match extends.node.map() {
            None => (&extends.node, None),
            Some(long) => match long.get("service") {
                Some(service) => {
                    for (key, entry) in long.iter().filter(|(key, _)| !matches!(&***key, "service" | "file")) {
                        // Compose doesn't look at it.
                        let what = format!("unknown key `{key}` in `services.{name}.extends` has no effect");
                        self.report.warning(Problem::new(what).at(entry.key).help("it has `service` and `file`"));
                    }
                    (service, long.some("file"))
                }
                None => {
                    let problem = Problem::new(format!("`services.{name}.extends` lacks `service`"))
                        .at(key)
                        .label("`service` is required here");
                    let keys = long.iter().map(|(key, _)| &**key).filter(|key| *key != "file");
                    let slip = keys.into_iter().find(|key| nearest(key, ["service"]).is_some());
                    return Err(self.report.fail(match slip {
                        Some(slip) => problem.help(format!("`{slip}` is no key of it: did you mean `service`?")),
                        None => problem.help("name the service to extend: `extends: {service: NAME}`"),
                    }));
                }
            },
        };
        let base_span = base_name.span;
        let Some(base_name) = base_name.str().map(str::to_owned) else {
            return Err(self.report.fail(
                Problem::new(format!(
                    "`services.{name}.extends` must name a service, found {}",
                    base_name.value.kind()
                ))
                .at(base_span)
                .label("expected a service's name"),
            ));
        };
        let file = match file.map(|file| (file.str(), file.span)) {
            Some((Some(file), span)) => Some((file.to_owned(), span)),
            Some((None, span)) => {
                let problem = Problem::new(format!("`services.{name}.extends.file` must be a string"));
                return Err(self.report.fail(problem.at(span).label("expected a file")));
            }
            None => None,
        };
        let service = service.clone();
        self.extend_from(name, service, &base_name, base_span, file, services, origin, scope, chain).map(Some)
    }

    #[expect(clippy::too_many_arguments, reason = "the whole of one extends: who, whom, from where")]
    fn extend_from(
        &mut self,
        name: &str,
        mut service: Node,
        base_name: &str,
        base_span: Span,
        file: Option<(String, Span)>,
        services: &mut Map,
        origin: &Origin<'_>,
        scope: &Scope<'_>,
        chain: &Chain,
    ) -> Result<Node, Failed> {
        if let Some((file, span)) = &file {
            refuse_remote(file, *span, &mut self.report)?;
        }
        let path = match &file {
            Some((file, _)) => absolute(Path::new(&scope.base.directory), Path::new(&scope.base.absolute(file))),
            None => origin.path.to_path_buf(),
        };
        let mut chain = chain.clone();
        if chain.is_empty() {
            chain.push((origin.path.to_path_buf(), name.to_owned()));
        }
        let link = (path.clone(), base_name.to_owned());
        if chain.contains(&link) {
            let circle: Vec<String> = chain.iter().chain([&link]).map(|(_, name)| name.clone()).collect();
            return Err(self.report.fail(
                Problem::new(format!("services extend each other in a circle: {}", circle.join(" → ")))
                    .at(base_span)
                    .help("remove one of these `extends`"),
            ));
        }
        chain.push(link);
        let base = match &file {
            Some((_, span)) => {
                if !self.disk.exists(&path) {
                    let problem = no_file_named(&path, &self.disk).at(*span);
                    return Err(self.report.fail(problem));
                }
                let (mut tree, resets) = self.base_tree(&path, scope)?;
                let Some(theirs) = tree.map_mut().and_then(|root| root.get_mut("services")).and_then(Node::map_mut)
                else {
                    let shown = self.disk.shown(&path).display().to_string();
                    return Err(self.report.fail(Problem::new(format!("{shown} has no services")).at(*span)));
                };
                if !theirs.contains(base_name) {
                    return Err(self.no_base(base_name, base_span, theirs, &path));
                }
                let origin = Origin { path: &path, resets: &resets };
                self.extend(base_name, theirs, &origin, scope, &chain)?
            }
            None => {
                if !services.contains(base_name) {
                    return Err(self.no_base(base_name, base_span, services, &path));
                }
                self.extend(base_name, services, origin, scope, &chain)?
            }
        };
        if let Some(mut base) = base {
            origin.resets.apply_to_service(name, &mut base);
            service = merge::merge_service(base, service, name, &mut self.report)?;
        }
        if let Some(map) = service.map_mut() {
            map.remove("extends");
        }
        if let Some(slot) = services.get_mut(name) {
            *slot = service.clone();
        }
        Ok(service)
    }

    fn no_base(&mut self, name: &str, span: Span, services: &Map, path: &Path) -> Failed {
        let shown = self.disk.shown(path).display().to_string();
        let problem = Problem::new(format!("there is no service `{name}` in {shown}")).at(span);
        let near = nearest(name, services.nodes().map(|(name, _)| name)).map(str::to_owned);
        self.report.fail(match near {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem,
        })
    }
}
