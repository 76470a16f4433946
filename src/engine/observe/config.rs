//! What containers were made from, beyond their listing: asked for those that diverged, so that a plan can say in what.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};

use crate::model::{ContainerConfig, ContainerId, ImageConfig, ImageId, Observed};

use super::{
    super::{
        Engine,
        error::{EngineError, Subject},
        http::{escape, escape_image},
        wire,
    },
    CONCURRENT,
};

impl Engine {
    /// Fills in what these containers, and the images that they run, were made from. It explains and decides nothing: what
    /// can't be had is left out.
    pub async fn look_closely(&self, containers: &[ContainerId], observed: &mut Observed) {
        let found: Vec<_> = stream::iter(containers.iter().cloned())
            .map(|id| async move { (id.clone(), self.config_of(&id).await) })
            .buffer_unordered(CONCURRENT)
            .collect()
            .await;
        let mut images: BTreeMap<ImageId, Option<ImageConfig>> = BTreeMap::new();
        for (id, config) in found {
            let Ok((mut config, image)) = config else { continue };
            if !images.contains_key(&image) {
                let of_image = self.config_of_image(&image).await.ok();
                images.insert(image.clone(), of_image);
            }
            config.image = images.get(&image).cloned().flatten();
            observed.configs.insert(id, config);
        }
    }

    async fn config_of(&self, container: &ContainerId) -> Result<(ContainerConfig, ImageId), EngineError> {
        let path = format!("/containers/{}/json", escape(container.as_str()));
        let subject = Subject::Container(container.as_str());
        let inspected: wire::InspectedContainer = self.client().get(&path, subject).await?;
        let config = inspected.config;
        let made_from = ContainerConfig {
            environment: config.env,
            command: config.entrypoint.into_iter().chain(config.cmd).collect(),
            user: config.user,
            working_dir: config.working_dir,
            restart: inspected.host_config.restart_policy.name,
            probe: config.healthcheck.map(|probe| probe.test).unwrap_or_default(),
            tty: config.tty,
            stdin_open: config.open_stdin,
            image: None,
        };
        Ok((made_from, ImageId::from(inspected.image)))
    }

    async fn config_of_image(&self, image: &ImageId) -> Result<ImageConfig, EngineError> {
        let path = format!("/images/{}/json", escape_image(image.as_str()));
        let inspected: wire::InspectedImage = self.client().get(&path, Subject::Image(image.as_str())).await?;
        let config = inspected.config;
        Ok(ImageConfig {
            environment: config.env,
            entrypoint: config.entrypoint,
            command: config.cmd,
            user: config.user,
            working_dir: config.working_dir,
            probe: config.healthcheck.map(|probe| probe.test).unwrap_or_default(),
        })
    }
}
