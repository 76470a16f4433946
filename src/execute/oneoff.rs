//! The service of a `run`: the compose file's, with the command line's wishes laid over it as Compose lays them.

use crate::{
    model::{RestartPolicy, Service},
    plan::RunOptions,
};

/// The service that a one-off container is made from.
pub(super) fn service(service: &Service, options: &RunOptions, name: &str) -> Service {
    let mut service = service.clone();
    service.container_name = Some(name.to_owned());
    service.restart = RestartPolicy::No;
    service.scale = 1;
    service.tty = options.tty;
    service.stdin_open = options.stdin_open;
    if !options.command.is_empty() {
        service.command = Some(options.command.clone());
    }
    if let Some(entrypoint) = &options.entrypoint {
        service.entrypoint = Some(entrypoint.clone());
        if options.command.is_empty() {
            // another program has nothing to do with the arguments of the old one
            service.command = None;
        }
    }
    if options.user.is_some() {
        service.user.clone_from(&options.user);
    }
    if options.working_dir.is_some() {
        service.working_dir.clone_from(&options.working_dir);
    }
    service.environment.extend(options.environment.clone());
    service.labels.extend(options.labels.clone());
    if !options.service_ports {
        service.ports.clear();
    }
    service
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServiceName;

    #[test]
    fn the_command_line_wins() {
        let mut web = Service::empty(ServiceName::new("web").unwrap());
        web.command = Some(vec!["serve".into()]);
        web.restart = RestartPolicy::Always;
        web.environment.insert("A".into(), Some("1".into()));
        let options = RunOptions {
            command: vec!["pytest".into()],
            environment: [("A".to_owned(), Some("2".to_owned()))].into(),
            tty: true,
            ..RunOptions::default()
        };
        let run = service(&web, &options, "shop-web-run-1");
        assert_eq!(run.command, Some(vec!["pytest".into()]));
        assert_eq!(run.environment["A"].as_deref(), Some("2"));
        assert_eq!(run.restart, RestartPolicy::No);
        assert_eq!(run.container_name.as_deref(), Some("shop-web-run-1"));
        assert!(run.tty);
    }

    #[test]
    fn another_entrypoint_drops_the_command() {
        let mut web = Service::empty(ServiceName::new("web").unwrap());
        web.command = Some(vec!["serve".into()]);
        let options = RunOptions { entrypoint: Some(vec!["sh".into()]), ..RunOptions::default() };
        assert_eq!(service(&web, &options, "x").command, None);
    }
}
