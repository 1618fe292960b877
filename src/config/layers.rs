//! The layers of the process's own settings: file, environment, flags, each over the one before.

use std::collections::BTreeSet;

use config::{Config, ConfigError, Map, Source, Value, ValueKind};

use super::given::{Flat, Given};
use super::problem::Place;
use super::schema::{Key, Kind};

/// What one source gives. Every value carries the place where it stands.
#[derive(Debug, Clone)]
struct Layer(Map<String, Value>);

impl Layer {
    fn new(flat: Flat) -> Self {
        let value = |(path, given): (&'static str, Given)| {
            let origin = given.place.to_string();
            Some((path.to_owned(), Value::new(Some(&origin), given.text?)))
        };
        Self(flat.into_iter().filter_map(value).collect())
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// Lays each layer over the one before it.
pub(super) fn merge(schema: &'static [Key], layers: Vec<Flat>) -> Result<Flat, ConfigError> {
    let hidden = hidden(&layers);
    let mut all = Config::builder();
    for layer in layers {
        all = all.add_source(Layer::new(layer));
    }
    let merged = all.build()?;
    let values = schema.iter().filter(|key| matches!(key.kind, Kind::Value | Kind::Values));
    let given = |key: &'static Key| {
        let mut given = given(find(&merged.cache, key.path)?)?;
        given.shown = !hidden.contains(&(key.path, given.place.clone()));
        Some((key.path, given))
    };
    Ok(values.filter_map(given).collect())
}

/// Which values must not be shown: a [`Value`] cannot carry that.
fn hidden(layers: &[Flat]) -> BTreeSet<(&'static str, Place)> {
    let values = layers.iter().flatten().filter(|(_, given)| !given.shown);
    values.map(|(path, given)| (*path, given.place.clone())).collect()
}

fn find<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(root, |value, key| match &value.kind {
        ValueKind::Table(table) => table.get(key),
        _ => None,
    })
}

fn given(value: &Value) -> Option<Given> {
    let Ok(place) = value.origin()?.parse::<Place>();
    let text = value.clone().into_string().ok()?;
    Some(Given::plain(place, text))
}

#[cfg(test)]
mod tests {
    use super::super::schema::SERVER;
    use super::*;

    #[test]
    fn a_later_layer_wins_and_takes_its_place_along() {
        let place = |line| Place::File { file: "config.yml".to_owned(), line, column: 3 };
        let port = Place::Variable("PORT".to_owned());
        let file = Flat::from([
            ("port", Given::plain(place(1), "1")),
            ("io.path", Given::plain(place(2), "/x.y[0]")),
            ("io.cookie", Given { shown: false, ..Given::plain(place(3), "io") }),
        ]);
        let env = Flat::from([("port", Given::plain(port.clone(), "2"))]);
        let merged = merge(SERVER, vec![file, env]).unwrap();
        assert_eq!(merged.len(), 3);
        assert_eq!(merged["port"], Given::plain(port, "2"));
        assert!(!merged["io.cookie"].shown && merged["io.path"].shown);
        assert_eq!(merged["io.path"], Given::plain(place(2), "/x.y[0]"));
    }
}
