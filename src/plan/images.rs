//! Which images are built and pulled: one build for all services whose build is equal, one pull for each name.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Action, BuildImage, BuildOptions, BuildWhen, Cause, Operation, PullWhen, Staleness, StepId, Subject,
    context::Context,
    draft::{Draft, Gate},
    staleness::staleness,
};
use crate::model::{Build, Diagnostic, ImageRef, MANIFESTS_LABEL, PullPolicy, Service, ServiceName, manifests_label};

/// What becomes of an image in this plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays what it is.
    Stays,
    /// That step makes another one.
    WillChange(StepId),
    /// That step may make another one.
    MayChange(StepId),
}

impl Fate {
    /// The step that the containers of the image wait for.
    pub fn step(self) -> Option<StepId> {
        match self {
            Fate::Stays => None,
            Fate::WillChange(step) | Fate::MayChange(step) => Some(step),
        }
    }
}

/// What becomes of each image.
#[derive(Debug, Default)]
pub(super) struct Images(BTreeMap<ImageRef, Fate>);

impl Images {
    pub fn fate(&self, image: &ImageRef) -> Fate {
        self.0.get(image).copied().unwrap_or(Fate::Stays)
    }
}

/// Which images `up` and `run` see to.
#[derive(Debug, Clone, Copy)]
pub(super) struct When {
    pub build: BuildWhen,
    pub pull: Option<PullWhen>,
}

/// What is to be done for one service's image.
struct Wanted<'a> {
    service: &'a Service,
    image: ImageRef,
    pull: Option<Cause>,
    build: Option<Cause>,
}

/// Adds the steps that see to the images of `services`.
pub(super) fn see_to(
    context: &Context<'_>,
    draft: &mut Draft,
    services: &BTreeSet<&ServiceName>,
    when: When,
) -> Images {
    let mut wanted = Vec::new();
    for name in with_built_for(context, services) {
        let Some(service) = context.service(name) else { continue };
        let build = build_cause(context, draft, service, when);
        wanted.push(Wanted {
            service,
            image: service.image_name(&context.project.name),
            pull: pull_cause(context, service, when, build.as_ref()),
            build,
        });
    }
    let mut images = Images::default();
    pull(context, draft, &wanted, &mut images);
    let builds: Vec<_> = wanted.into_iter().filter_map(|wanted| Some((wanted.service, wanted.build?))).collect();
    build(context, draft, builds, &BuildOptions::default(), &mut images);
    mounted(context, draft, services, &mut images);
    images
}

/// Pulls the images that are mounted (`type: image`) and not there, as Compose does whatever the policy.
fn mounted(context: &Context<'_>, draft: &mut Draft, services: &BTreeSet<&ServiceName>, images: &mut Images) {
    let mut missing: BTreeMap<ImageRef, Vec<ServiceName>> = BTreeMap::new();
    for service in services.iter().filter_map(|name| context.service(name)) {
        for image in service.mounted_images() {
            let known = context.observed.images.contains_key(&image) || context.resume.pulled.contains(&image);
            if !known && images.fate(&image) == Fate::Stays {
                missing.entry(image).or_default().push(service.name.clone());
            }
        }
    }
    for (image, services) in missing {
        let group = draft.group(Action::Pull, Subject::Image(image.clone(), services.clone()), Cause::Missing);
        let pull = Operation::Pull { image: image.clone(), services, platform: None, optional: false };
        let step = draft.step(group, pull, &Gate::default());
        images.0.insert(image, Fate::MayChange(step));
    }
}

/// Adds the images that are not there of services that may have to be made anew with these, because they live in their
/// namespaces.
pub(super) fn for_followers(
    context: &Context<'_>,
    draft: &mut Draft,
    services: &BTreeSet<&ServiceName>,
    images: &mut Images,
) {
    let known = services.iter().filter_map(|name| Some(context.project.services.get_key_value(*name)?.0));
    let mut followers = context.graph.with_sharing(known);
    followers.retain(|name| {
        let lacks_image = context.service(name).is_some_and(|service| context.image(service).is_none());
        let runs = context.containers(name).live.iter().any(super::context::Live::is_up);
        !services.contains(name) && lacks_image && runs && context.plans(name)
    });
    let missing = When { build: BuildWhen::Missing, pull: None };
    for (image, fate) in see_to(context, draft, &followers, missing).0 {
        images.0.entry(image).or_insert(fate);
    }
}

/// The services and those whose images their builds use as contexts (`additional_contexts: x: service:y`).
fn with_built_for<'a>(context: &Context<'a>, services: &BTreeSet<&ServiceName>) -> BTreeSet<&'a ServiceName> {
    let mut found = BTreeSet::new();
    let mut open: Vec<_> =
        services.iter().filter_map(|name| Some(context.project.services.get_key_value(*name)?.0)).collect();
    while let Some(name) = open.pop() {
        if found.insert(name) {
            let build = context.service(name).and_then(|service| service.build.as_ref());
            open.extend(
                build
                    .into_iter()
                    .flat_map(contexts)
                    .filter_map(|other| Some(context.project.services.get_key_value(other)?.0)),
            );
        }
    }
    found
}

/// The services whose images a build uses.
fn contexts(build: &Build) -> impl Iterator<Item = &str> {
    build.additional_contexts.values().filter_map(|context| context.strip_prefix("service:"))
}

fn effective_policy(service: &Service, when: When) -> PullPolicy {
    match when.pull {
        Some(PullWhen::Always) => PullPolicy::Always,
        Some(PullWhen::Never) => PullPolicy::Never,
        Some(PullWhen::Missing) => PullPolicy::Missing,
        None => service.pull_policy.unwrap_or(PullPolicy::Missing),
    }
}

fn build_cause(context: &Context<'_>, draft: &mut Draft, service: &Service, when: When) -> Option<Cause> {
    service.build.as_ref()?;
    let image = service.image_name(&context.project.name);
    if context.resume.built.contains(&image) {
        return None;
    }
    let present = context.image(service);
    let changed = present.and_then(|image| match staleness(image, context.sources.services.get(&service.name)?) {
        Staleness::Changed(changes) => Some(changes),
        Staleness::InStep | Staleness::Unknown => None,
    });
    let each_time = effective_policy(service, when) == PullPolicy::Build;
    match (when.build, present, changed) {
        (BuildWhen::Never, _, _) => None,
        (_, None, _) => Some(Cause::Missing),
        (BuildWhen::Always | BuildWhen::Stale, _, Some(changes)) => Some(Cause::Manifests(changes)),
        (BuildWhen::Always, _, None) => Some(Cause::Requested),
        (_, _, _) if each_time => Some(Cause::Policy("build")),
        (BuildWhen::Missing, _, Some(changes)) => {
            if context.plans(&service.name) {
                let what: Vec<_> = changes.iter().map(ToString::to_string).collect();
                draft.warn(
                    Diagnostic::warning(format!("the image of {} is older than its manifests", service.name))
                        .note(what.join("\n"))
                        .help(format!("`devbox rebuild {}`, or `devbox up --build`", service.name)),
                );
            }
            None
        }
        (_, _, None) => None,
    }
}

fn pull_cause(context: &Context<'_>, service: &Service, when: When, build: Option<&Cause>) -> Option<Cause> {
    let image = service.image.as_ref()?;
    if context.resume.pulled.contains(image) || context.resume.built.contains(image) {
        return None;
    }
    // What is built because it is wanted is not pulled; what is built because it is not there might be had from a registry.
    if build.is_some_and(|cause| *cause != Cause::Missing) || (build.is_some() && when.build == BuildWhen::Always) {
        return None;
    }
    match effective_policy(service, when) {
        PullPolicy::Always if when.pull.is_some() => Some(Cause::Requested),
        PullPolicy::Always => Some(Cause::Policy("always")),
        PullPolicy::Never | PullPolicy::Build => None,
        PullPolicy::Missing => context.image(service).is_none().then_some(Cause::Missing),
        PullPolicy::Every(period) => match context.image(service) {
            None => Some(Cause::Missing),
            Some(image) => {
                let due = |tagged| context.observed.at.since(tagged) > period;
                image.tagged.is_some_and(due).then_some(Cause::PullDue)
            }
        },
    }
}

/// One pull for each name and platform.
fn pull(context: &Context<'_>, draft: &mut Draft, wanted: &[Wanted<'_>], images: &mut Images) {
    type Pulls<'a> = BTreeMap<(&'a ImageRef, Option<&'a String>), (&'a Cause, Vec<&'a Service>)>;
    let mut pulls = Pulls::new();
    for wanted in wanted {
        if let Some(cause) = &wanted.pull {
            let key = (&wanted.image, wanted.service.platform.as_ref());
            pulls.entry(key).or_insert_with(|| (cause, Vec::new())).1.push(wanted.service);
        }
    }
    for ((image, platform), (cause, services)) in pulls {
        let names: Vec<_> = services.iter().map(|service| service.name.clone()).collect();
        let group = draft.group(Action::Pull, Subject::Image(image.clone(), names.clone()), cause.clone());
        let buildable =
            |service: &Service| service.build.is_some() && service.image_name(&context.project.name) == *image;
        let optional = context.project.services.values().any(buildable);
        let pull = Operation::Pull { image: image.clone(), services: names, platform: platform.cloned(), optional };
        let step = draft.step(group, pull, &Gate::default());
        images.0.insert(image.clone(), Fate::MayChange(step));
    }
}

/// One build for all services whose build and platform are equal.
pub(super) fn build(
    context: &Context<'_>,
    draft: &mut Draft,
    wanted: Vec<(&Service, Cause)>,
    options: &BuildOptions,
    images: &mut Images,
) {
    let mut builds: Vec<(Vec<&Service>, Vec<Cause>)> = Vec::new();
    for (service, cause) in wanted {
        let same = |(services, _): &&mut (Vec<&Service>, Vec<Cause>)| {
            services.first().is_some_and(|first| first.build == service.build && first.platform == service.platform)
        };
        match builds.iter_mut().find(same) {
            Some((services, causes)) => {
                services.push(service);
                causes.push(cause);
            }
            None => builds.push((vec![service], vec![cause])),
        }
    }
    let mut steps: BTreeMap<&ServiceName, StepId> = BTreeMap::new();
    let mut open = builds;
    // An image that another build uses comes first. Builds that use each other in a circle are left to the builder, which
    // says so.
    while !open.is_empty() {
        let waiting: BTreeSet<&str> =
            open.iter().flat_map(|(services, _)| services).map(|service| service.name.as_str()).collect();
        let free = |(services, _): &(Vec<&Service>, Vec<Cause>)| {
            let own = |other: &str| services.iter().any(|service| service.name == *other);
            let mut uses = services.iter().filter_map(|service| service.build.as_ref()).flat_map(contexts);
            uses.all(|other| !waiting.contains(other) || own(other))
        };
        let index = open.iter().position(free).unwrap_or(0);
        let (services, causes) = open.remove(index);
        let Some(step) = build_step(context, draft, &services, causes, options, &steps, images) else { continue };
        steps.extend(services.iter().map(|service| (&service.name, step)));
    }
}

fn build_step(
    context: &Context<'_>,
    draft: &mut Draft,
    services: &[&Service],
    causes: Vec<Cause>,
    options: &BuildOptions,
    steps: &BTreeMap<&ServiceName, StepId>,
    images: &mut Images,
) -> Option<StepId> {
    let first = *services.first()?;
    let mut build = first.build.clone()?;
    let mut gate = Gate::default();
    for value in build.additional_contexts.values_mut() {
        let Some(service) = value.strip_prefix("service:").and_then(|name| context.project.services.get(name)) else {
            continue;
        };
        gate.needs.extend(steps.get(&service.name));
        *value = format!("docker-image://{}", service.image_name(&context.project.name));
    }
    build.pull |= options.pull;
    build.no_cache |= options.no_cache;
    build.args.extend(options.args.clone());
    let names: Vec<_> = services.iter().map(|service| service.name.clone()).collect();
    let mut tags: Vec<_> = services.iter().map(|service| service.image_name(&context.project.name)).collect();
    tags.extend(build.tags.iter().map(|tag| ImageRef::from(tag.as_str())));
    let mut seen = BTreeSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));

    // What says most about why: changed manifests, then anything rather than nothing.
    let cause = causes
        .iter()
        .find(|cause| matches!(cause, Cause::Manifests(_)))
        .or(causes.first())
        .cloned()
        .unwrap_or(Cause::Requested);
    let image = tags.first()?.clone();
    for service in services {
        // A pull was tried first, and then this is only needed when it brought nothing.
        gate.after.extend(images.fate(&service.image_name(&context.project.name)).step());
    }
    let group = draft.group(Action::Build, Subject::Image(image, names.clone()), cause.clone());
    let operation = Operation::Build(BuildImage {
        labels: labels(context, first),
        services: names,
        tags: tags.clone(),
        build: Box::new(build),
        platform: first.platform.clone(),
    });
    let step = draft.step(group, operation, &gate);
    for tag in tags {
        let fate = match cause {
            Cause::Manifests(_) | Cause::Missing => Fate::WillChange(step),
            _ => Fate::MayChange(step),
        };
        images.0.insert(tag, fate);
    }
    Some(step)
}

/// Compose's labels of a built image, and the digests of the manifests. They name the first of all services of the same
/// build, whichever of them is built now, so that the image is the same each time.
fn labels(context: &Context<'_>, service: &Service) -> BTreeMap<String, String> {
    let same = |other: &&Service| other.build == service.build && other.platform == service.platform;
    let first = context.project.services.values().find(same).unwrap_or(service);
    let mut labels = BTreeMap::from([
        ("com.docker.compose.project".to_owned(), context.project.name.to_string()),
        ("com.docker.compose.service".to_owned(), first.name.to_string()),
    ]);
    if let Some(sources) = context.sources.services.get(&service.name) {
        labels.insert(MANIFESTS_LABEL.to_owned(), manifests_label(sources));
    }
    labels
}

/// The name under which the image that a build replaced stays for one more build: the same with the tag `devbox-before`.
pub(super) fn name_before(image: &ImageRef) -> Option<ImageRef> {
    let text = image.as_str();
    if text.contains('@') {
        return None;
    }
    let path = text.rfind('/').map_or(0, |slash| slash + 1);
    let end = text[path..].find(':').map_or(text.len(), |colon| path + colon);
    Some(format!("{}:devbox-before", &text[..end]).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_before_keeps_its_name_with_a_tag_of_its_own() {
        for (name, before) in [
            ("shop-web", Some("shop-web:devbox-before")),
            ("registry:5000/team/web:1.2", Some("registry:5000/team/web:devbox-before")),
            ("web@sha256:00", None),
        ] {
            assert_eq!(name_before(&name.into()), before.map(Into::into), "{name}");
        }
    }
}
