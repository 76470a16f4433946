//! Healthchecks.

use std::time::Duration;

use bollard::models::HealthConfig;

use crate::{
    engine::{connect::ApiVersion, error::EngineError},
    model::{HealthcheckTest, Service},
};

use super::{refuse, unsupported};

fn nanoseconds(duration: Option<Duration>) -> Option<i64> {
    duration.map(|duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}

/// The service's healthcheck; `None` leaves the image its own.
pub(super) fn translate(service: &Service, api: ApiVersion) -> Result<Option<HealthConfig>, EngineError> {
    let Some(check) = &service.healthcheck else { return Ok(None) };
    if check.start_interval.is_some() {
        if api < ApiVersion::V1_44 {
            return Err(unsupported(service, "healthcheck.start_interval", "Docker 25"));
        }
        if check.start_period.is_none() {
            return Err(refuse(
                service,
                "healthcheck.start_interval has no meaning without start_period",
                "add `start_period:` to the healthcheck",
            ));
        }
    }
    let one = |word: &str, rest: &[String]| std::iter::once(word.to_owned()).chain(rest.iter().cloned()).collect();
    Ok(Some(HealthConfig {
        test: match &check.test {
            None => None,
            Some(HealthcheckTest::Disabled) => Some(vec!["NONE".into()]),
            Some(HealthcheckTest::Command(words)) => Some(one("CMD", words)),
            Some(HealthcheckTest::Shell(line)) => Some(one("CMD-SHELL", std::slice::from_ref(line))),
        },
        interval: nanoseconds(check.interval),
        timeout: nanoseconds(check.timeout),
        start_period: nanoseconds(check.start_period),
        start_interval: nanoseconds(check.start_interval),
        retries: check.retries.map(|retries| i64::try_from(retries).unwrap_or(i64::MAX)),
    }))
}
