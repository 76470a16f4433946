//! A plan as the user reads it.

use crate::plan::{
    Goal, Selection, Verb,
    testing::{furnished, planned, project, running, service},
};

#[test]
fn a_plan_reads_as_lines() {
    let project = project([service("web").needs("db").with(|s| s.scale = 2), service("db"), service("cache")]);
    let mut observed = furnished(&project);
    observed.networks.clear();
    assert_eq!(
        planned(&project, &observed, &Goal::up()).to_string(),
        "  create    network shop_default    not there
  create    cache                   not there
  create    db                      not there
  create    web                     not there
  create    web 2                   not there
5 steps. devbox up does this."
    );
}

#[test]
fn nothing_to_do_names_what_is_kept() {
    let project = project([service("web"), service("db")]);
    assert_eq!(
        planned(&project, &running(&project), &Goal::up()).to_string(),
        "  keep      db, web    in step\nNothing to do."
    );
    let stop = Goal::new(Verb::Stop { timeout: None }, Selection::All);
    assert_eq!(planned(&project, &furnished(&project), &stop).to_string(), "Nothing to do.");
}

#[test]
fn json_has_every_step_with_its_cause() {
    let project = project([service("web")]);
    let json = planned(&project, &furnished(&project), &Goal::up()).to_json();
    assert_eq!(json["goal"], "up");
    assert_eq!(json["steps"][0]["operation"], "create shop-web-1");
    assert_eq!(json["steps"][0]["cause"], "not there");
    assert_eq!(json["steps"][1]["needs"][0], 1);
    assert_eq!(json["steps"][1]["services"][0], "web");
}
