//! The examples of `docs/frappe` do what they say: each is marked there by `<!-- test: name -->`. Those of nginx and
//! JavaScript, and the Procfile, are run by `tests/e2e/frappe`.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::process::free_port;
use crate::support::redis::{RedisServer, aside, until};

const REPLACE: &str = include_str!("../../docs/frappe/replace.md");
const TOKENS: &str = include_str!("../../docs/frappe/tokens.md");
/// Where the bench is in the examples.
const BENCH: &str = "/home/frappe/frappe-bench";

/// The fenced block behind a mark.
fn example(page: &'static str, name: &str) -> &'static str {
    let (_, rest) = page.split_once(&format!("<!-- test: {name} -->\n")).expect(name);
    let (_, block) = rest.split_once('\n').expect("a fence");
    block.split_once("\n```").expect("the end of the block").0
}

fn yaml(page: &'static str, name: &str) -> Value {
    serde_saphyr::from_str(example(page, name)).expect(name)
}

/// The value behind `key=`, the last one if there are several.
fn setting<'a>(block: &'a str, key: &str) -> &'a str {
    let mut values = block.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values.next_back().expect(key)
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A bench, and the gateways that were started on it; they end with it.
struct Scene {
    redis: RedisServer,
    folder: tempfile::TempDir,
    port: u16,
    gateways: Vec<Child>,
}

impl Scene {
    /// With `more` beside what each bench has.
    fn new(more: &Value) -> Self {
        let (redis, folder, port) = (RedisServer::start(), tempfile::tempdir().unwrap(), free_port());
        let site = folder.path().join("sites/erp.example.com");
        std::fs::create_dir_all(&site).unwrap();
        std::fs::write(site.join("site_config.json"), "{}").unwrap();
        let mut common = json!({"redis_queue": redis.url(), "socketio_port": port, "webserver_port": 9});
        common.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        std::fs::write(folder.path().join("sites/common_site_config.json"), common.to_string()).unwrap();
        Self { redis, folder, port, gateways: Vec::new() }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Starts `postroom` with these words, the bench's folder put in, in that folder, as a Procfile does.
    fn start(&mut self, words: &[String], env: &[(String, String)]) {
        let root = self.root().to_str().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
        command.args(words.iter().map(|word| word.replace(BENCH, root))).args(["--host", "127.0.0.1"]);
        command.current_dir(root).env_clear().envs(env.iter().cloned());
        self.gateways
            .push(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    /// Waits until what was started last answers as the documentation says.
    fn is_healthy(&mut self, port: u16) {
        let gateway = self.gateways.last_mut().unwrap();
        let curl = REPLACE.lines().find(|line| line.starts_with("curl ")).unwrap();
        let curl = curl.split('#').next().unwrap().replace("127.0.0.1:9000", &format!("127.0.0.1:{port}"));
        until("the gateway to be healthy", 20, || {
            assert_eq!(gateway.try_wait().unwrap(), None, "the gateway has ended");
            Command::new("sh").args(["-c", &curl]).output().unwrap().stdout == b"ok"
        });
    }

    fn stop(&mut self) {
        for mut gateway in self.gateways.drain(..) {
            let _ = gateway.kill();
            let _ = gateway.wait();
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop();
    }
}

fn after_postroom(command: &str) -> Vec<String> {
    let (program, rest) = command.split_once(' ').unwrap();
    assert!(program == "postroom" || program.ends_with("/postroom"), "{command}");
    words(rest)
}

#[tokio::test]
async fn every_way_to_start_it_starts_it() {
    let procfile = example(REPLACE, "procfile").strip_prefix("socketio: ").unwrap();
    let before = example(REPLACE, "procfile-before");
    assert!(
        before.starts_with("socketio: ") && before.ends_with("socketio.js"),
        "the same process of the Procfile"
    );
    let supervisor = example(REPLACE, "supervisor");
    assert_eq!(setting(supervisor, "directory"), BENCH);
    let systemd = example(REPLACE, "systemd");
    assert!(
        systemd.starts_with("[Service]\n") && systemd.contains("\nExecStart=\n"),
        "else there are two commands"
    );
    let ways = [procfile, setting(supervisor, "command"), setting(systemd, "ExecStart")];
    let ways = ways.map(after_postroom);
    aside(move || {
        let mut scene = Scene::new(&json!({}));
        for way in &ways {
            scene.start(way, &[]);
            scene.is_healthy(scene.port);
            scene.stop();
        }
        assert_eq!(scene.redis.cli(&["KEYS", "*"]).trim(), "", "nothing is left in the Redis of the bench");
        assert!(scene.root().join("config/postroom").is_dir(), "the one folder that it made");
        assert!(!scene.root().join("data").exists());
    })
    .await;
}

#[tokio::test]
async fn two_processes_run_on_one_bench_as_the_procfile_says() {
    let lines: Vec<&str> = example(REPLACE, "procfile-two").lines().collect();
    let [one, two] = lines.as_slice() else { panic!("{lines:?}") };
    let way = |line: &str| after_postroom(line.split_once(": ").unwrap().1);
    let port = free_port();
    let (one, mut two) = (way(one), way(two));
    let stated = two.iter_mut().find(|word| *word == "9010").unwrap();
    *stated = port.to_string();
    assert!(example(REPLACE, "nginx-two").contains("127.0.0.1:9010"));
    aside(move || {
        let mut scene = Scene::new(&json!({}));
        scene.start(&one, &[]);
        scene.is_healthy(scene.port);
        scene.start(&two, &[]);
        scene.is_healthy(port);
        scene.is_healthy(scene.port);
    })
    .await;
}

#[tokio::test]
async fn the_service_of_compose_starts_and_is_found_healthy() {
    let service = yaml(REPLACE, "compose")["services"]["websocket"].clone();
    let way: Vec<String> = serde_json::from_value(service["command"].clone()).unwrap();
    let check: Vec<String> = serde_json::from_value(service["healthcheck"]["test"].clone()).unwrap();
    assert_eq!(check[..3], ["CMD", "bash", "-c"]);
    assert_eq!(service["volumes"], json!([format!("sites:{BENCH}/sites")]));
    let Value::Object(env) = service["environment"].clone() else { panic!("no environment") };
    let env: Vec<_> = env.into_iter().map(|(key, value)| (key, value.as_str().unwrap().to_owned())).collect();
    aside(move || {
        let mut scene = Scene::new(&json!({}));
        let data = scene.root().join("postroom");
        let way: Vec<String> =
            way.iter().map(|word| word.replace("/tmp/postroom", data.to_str().unwrap())).collect();
        let script = check[3].replace("/9000", &format!("/{}", scene.port));
        let healthy =
            || Command::new("bash").args(["-c", &script]).stderr(Stdio::null()).status().unwrap().success();
        assert!(!healthy());
        scene.start(&way, &env);
        scene.is_healthy(scene.port);
        assert!(healthy());
        assert!(!scene.root().join("config").exists(), "in a container that folder cannot be written to");
    })
    .await;
}

#[tokio::test]
async fn the_port_for_tokens_is_opened_by_either_setting_and_by_the_variable_of_compose() {
    let of_bench: Value = serde_json::from_str(example(TOKENS, "common_site_config")).unwrap();
    assert_eq!(of_bench["socketio_token_port"], 9001);
    let compose = yaml(TOKENS, "traefik")["services"]["websocket"].clone();
    let labels = compose["labels"].as_array().unwrap();
    assert!(labels.contains(&json!("traefik.http.services.socket-token.loadbalancer.server.port=9001")));
    let variable = compose["environment"]["POSTROOM_FRAPPE_TOKENS"].as_str().unwrap();
    let variable = vec![("POSTROOM_FRAPPE_TOKENS".to_owned(), variable.to_owned())];
    let check = |file: Option<&str>, env: &[(String, String)], common: &Value| {
        let scene = Scene::new(common);
        if let Some(file) = file {
            std::fs::write(scene.root().join("config.yml"), file).unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
        command.args(["check", "--bench", "."]).current_dir(scene.root()).env_clear();
        let output = command.envs(env.iter().cloned()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        assert!(!text.contains("warning"), "{text}");
        text.into_owned()
    };
    let nothing = json!({});
    assert!(!check(None, &[], &nothing).contains("9001"));
    for text in [
        check(None, &[], &of_bench),
        check(Some(example(TOKENS, "config")), &[], &nothing),
        check(None, &variable, &nothing),
        check(Some(example(TOKENS, "schemes")), &[], &nothing),
    ] {
        assert!(text.contains("9001"), "{text}");
    }
}
