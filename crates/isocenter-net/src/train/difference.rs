//! Where the settings of a training differ from those it began with, by key.

use serde_json::Value;

use crate::error::NetError;
use crate::model::ModelConfig;

/// What may change while a training goes on: none of it decides a draw. With more `steps` a training
/// goes on for longer, on the learning rate's schedule for so many.
const MAY_CHANGE: [&str; 4] = ["title", "steps", "validation", "checkpoints"];

/// A setting that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Difference {
    key: String,
    before: String,
    now: String,
}

/// Checks that a training which goes on has the settings it began with.
///
/// # Errors
/// The first that differs and may not, or a text that is no TOML.
pub(super) fn check_same_training(before: &str, now: &str) -> Result<(), NetError> {
    let settings = |text: &str| -> Result<Value, NetError> {
        let mut settings: Value = toml::from_str(text).map_err(|error| {
            let before = error.message().to_owned();
            let key = "its text".to_owned();
            NetError::OtherTraining { key, before, now: "other settings".to_owned() }
        })?;
        if let Value::Object(table) = &mut settings {
            MAY_CHANGE.iter().for_each(|key| drop(table.remove(*key)));
        }
        Ok(settings)
    };
    match difference(&settings(before)?, &settings(now)?, "") {
        Some(Difference { key, before, now }) => Err(NetError::OtherTraining { key, before, now }),
        None => Ok(()),
    }
}

/// What may differ from the architecture that weights are of: none of it has weights, or says what they mean.
const WITHOUT_WEIGHTS: [&str; 2] = ["dropout", "levels"];

/// Checks that weights fit the architecture of a training that begins with them.
///
/// # Errors
/// The first setting that differs.
pub(super) fn check_same_architecture(
    before: &ModelConfig,
    now: &ModelConfig,
) -> Result<(), NetError> {
    let settings = |config: &ModelConfig| -> Result<Value, NetError> {
        let mut settings = serde_json::to_value(config)?;
        if let Value::Object(table) = &mut settings {
            WITHOUT_WEIGHTS.iter().for_each(|key| drop(table.remove(*key)));
        }
        Ok(settings)
    };
    match difference(&settings(before)?, &settings(now)?, "network") {
        Some(Difference { key, before, now }) => {
            Err(NetError::OtherArchitecture { key, before, now })
        }
        None => Ok(()),
    }
}

/// The first difference, `at` being the key of the values.
fn difference(before: &Value, now: &Value, at: &str) -> Option<Difference> {
    let inner = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            let keys = before.keys().chain(now.keys().filter(|key| !before.contains_key(*key)));
            keys.into_iter().find_map(|key| {
                let of = |table: &serde_json::Map<String, Value>| {
                    table.get(key).cloned().unwrap_or(Value::Null)
                };
                difference(&of(before), &of(now), &inner(key))
            })
        }
        (Value::Array(before), Value::Array(now)) if before.len() == now.len() => {
            let pairs = before.iter().zip(now).enumerate();
            pairs
                .into_iter()
                .find_map(|(n, (before, now))| difference(before, now, &format!("{at}[{n}]")))
        }
        _ if before == now => None,
        _ => {
            let (before, now) = (text(before), text(now));
            Some(Difference { key: at.to_owned(), before, now })
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the first setting that differs is named with both values, wherever it is; what decides
    //! nothing may differ; an architecture may differ in what has no weights.
    use super::*;
    use crate::network::DualBranchConfig;

    const BEFORE: &str =
        "title = 'a'\nseed = 1\nsteps = 5\n[start]\ndepth_mm = 30\n[[cts]]\nname = 'x'";

    fn refused(from: &str, to: &str) -> String {
        assert!(BEFORE.contains(from));
        check_same_training(BEFORE, &BEFORE.replace(from, to)).unwrap_err().to_string()
    }

    #[test]
    fn what_differs_is_named() {
        assert!(check_same_training(BEFORE, &format!("# Comments\n\n{BEFORE}")).is_ok());
        let free = BEFORE.replace("'a'", "'b'").replace("steps = 5", "steps = 9");
        let free = format!("{free}\n[checkpoints]\nkeep = 1\n[validation]\nposes = 3");
        assert!(check_same_training(BEFORE, &free).is_ok());
        assert!(refused("seed = 1", "seed = 2").contains("seed was 1 and is 2"));
        assert!(refused("30", "40").contains("start.depth_mm was 30 and is 40"));
        assert!(refused("'x'", "'y'").contains("cts[0].name was \"x\" and is \"y\""));
        assert!(refused("seed = 1\n", "").contains("seed was 1 and is absent"));
        assert!(refused("steps = 5", "batch = 5").contains("batch was absent and is 5"));
        assert!(check_same_training("", BEFORE).is_err());
        assert!(check_same_training("=", BEFORE).is_err());
    }

    #[test]
    fn weights_fit_whatever_is_left_out() {
        let before = DualBranchConfig::compact();
        let check =
            |now: DualBranchConfig| check_same_architecture(&before.clone().into(), &now.into());
        assert!(check(DualBranchConfig { dropout: 0.5, ..before.clone() }).is_ok());
        let error = check(DualBranchConfig { head: vec![8], ..before.clone() }).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("network.head[0] was 64 and is 8"), "{text}");
        let error = check(DualBranchConfig { size_px: [64, 64], ..before.clone() }).unwrap_err();
        assert!(error.to_string().contains("network.size_px[0] was 128 and is 64"), "{error}");
    }
}
