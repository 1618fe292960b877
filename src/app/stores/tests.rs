//! What the settings come to.

use super::*;
use crate::config::{Sources, load_server};

fn server(variables: &[(&str, &str)]) -> Server {
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    load_server(&Sources { env, ..Sources::default() }).unwrap_or_else(|problems| panic!("{problems}"))
}

fn servers_of(variables: &[(&str, &str)]) -> Servers {
    servers(&server(variables).redis.unwrap().servers).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_the_configuration_takes_the_backplane_takes_too() {
    for url in [
        "redis://x",
        "redis://x/",
        "redis://x:7000/3",
        "redis://:p%40%2C@x",
        "rediss://u:p@x",
        "redis://[::1]:7000",
        "unix:///run/redis.sock",
        "redis+unix:///run/redis.sock?db=2&user=u&pass=p",
    ] {
        let plain = servers_of(&[("REDIS_URL", url)]);
        let login = [
            ("REDIS_URL", url),
            ("POSTROOM_REDIS_USERNAME", "v w"),
            ("POSTROOM_REDIS_PASSWORD", "a b@/#?:%,&=hunter2"),
            ("POSTROOM_REDIS_DATABASE", "5"),
        ];
        for (servers, expected) in [(plain, None), (servers_of(&login), Some("a b@/#?:%,&=hunter2"))] {
            assert!(matches!(servers, Servers::Single(_)), "{url}");
            assert!(!format!("{servers:?}").contains("hunter2"), "{url}");
            let Servers::Single(server) = servers else { continue };
            if let Some(password) = expected {
                let wanted = Login {
                    username: Some("v w".to_owned()),
                    password: Some(crate::domain::Secret::new(password)),
                    database: 5,
                };
                assert_eq!(server.login(), &wanted, "{url}");
            }
        }
    }
}

#[test]
fn a_cluster_and_sentinels_are_passed_on() {
    let urls = ("REDIS_URL", "redis://a,redis://b:7000");
    assert!(matches!(servers_of(&[urls]), Servers::Cluster(urls) if urls.len() == 2));
    let sentinel = [urls, ("POSTROOM_REDIS_SENTINEL_MASTER", "m"), ("POSTROOM_REDIS_DATABASE", "2")];
    let Servers::Sentinel { sentinels, master, login } = servers_of(&sentinel) else { panic!() };
    assert_eq!((sentinels.len(), master.as_str(), login.database), (2, "m", 2));
}

#[test]
fn a_node_on_redis_takes_a_number_by_chance_where_none_is_given() {
    assert_eq!(super::super::serve::flake_node(&server(&[])).unwrap(), 0);
    let on_redis = [("REDIS_URL", "redis://x"), ("POSTROOM_FLAKEID_ID", "7")];
    assert_eq!(super::super::serve::flake_node(&server(&on_redis)).unwrap(), 7);
    let numbers: Vec<u64> =
        (0..20).map(|_| super::super::serve::flake_node(&server(&on_redis[..1])).unwrap()).collect();
    assert!(numbers.iter().all(|number| *number <= 1023), "{numbers:?}");
    assert!(numbers.iter().any(|number| *number != numbers[0]), "{numbers:?}");
}
