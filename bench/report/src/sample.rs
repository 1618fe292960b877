//! A small run for the tests; the numbers are made up.

use crate::raw::Record;

/// Its lines.
pub(crate) const RAW: &str = r#"
{"kind":"run","mode":"full","rounds":"3","seconds":"3","commit":"abc1234","rust":"1.95.0"}
{"kind":"machine","date":"2020-01-02 03:04 UTC","cpu":"Some CPU","cores":"2","kernel":"Linux 6","memory":"8 GiB","fsync":"0.12 ms"}
{"kind":"peer","name":"postroom","title":"Postroom","version":"0.1.0","settings":"defaults","plain":"nothing","acked":"durable"}
{"kind":"peer","name":"node","title":"socket.io on Node","version":"4.8.4","settings":"one process","plain":"nothing","acked":"in memory"}
{"kind":"peer","name":"bun","title":"socket.io on Bun","version":"4.8.4","settings":"one process","plain":"nothing","acked":"in memory"}
{"kind":"missing","peer":"pushpin","title":"pushpin","reason":"pushpin is not installed"}
{"kind":"workload","name":"fan-out-paced","title":"Fan-out to 1,000","does":"One message for everybody","options":"fan-out --rate 10"}
{"kind":"workload","name":"idle","title":"Idle connections","does":"Nothing","options":"idle"}
{"kind":"workload","name":"noisy","title":"A noisy site","does":"Noise","options":"noisy"}
{"kind":"plan","measurements":"12"}
{"kind":"measured","peer":"postroom","workload":"fan-out-paced","round":1,"result":{"workload":"fan-out","expected":1000,"delivered":1000,"cpu_per_million":4.0,"delivery_p50_ms":5.0,"delivery_p99_ms":17.0,"bottleneck":null}}
{"kind":"measured","peer":"node","workload":"fan-out-paced","round":1,"result":{"workload":"fan-out","expected":1000,"delivered":1000,"cpu_per_million":10.0,"delivery_p50_ms":9.0,"delivery_p99_ms":30.0,"bottleneck":"machine"}}
{"kind":"measured","peer":"bun","workload":"fan-out-paced","round":1,"result":{"workload":"fan-out","expected":1000,"delivered":990,"cpu_per_million":5.0,"bottleneck":"generator"}}
{"kind":"measured","peer":"node","workload":"fan-out-paced","round":2,"result":{"workload":"fan-out","expected":1000,"delivered":1000,"cpu_per_million":10.0,"bottleneck":null}}
{"kind":"measured","peer":"postroom","workload":"fan-out-paced","round":2,"result":{"workload":"fan-out","expected":1000,"delivered":1000,"cpu_per_million":8.0,"bottleneck":null}}
{"kind":"measured","peer":"postroom","workload":"fan-out-paced","round":3,"result":{"workload":"fan-out","expected":1000,"delivered":1000,"cpu_per_million":9.0,"bottleneck":null}}
{"kind":"measured","peer":"node","workload":"fan-out-paced","round":3,"result":{"workload":"fan-out","expected":1000,"delivered":1000,"cpu_per_million":30.0,"bottleneck":null}}
{"kind":"broken","peer":"bun","workload":"fan-out-paced","round":"2","reason":"it did not start: no port"}
{"kind":"measured","peer":"postroom","workload":"idle","round":1,"result":{"workload":"idle","kib_per_connection":3.1,"slope_kib":3.0,"projected_100k_mib":300,"idle_cpu_s_per_min":0.2,"connect_us_cpu":50,"delivery_p50_ms":null}}
{"kind":"measured","peer":"node","workload":"idle","round":1,"result":{"workload":"idle","kib_per_connection":15.5,"slope_kib":12.0,"projected_100k_mib":1200,"idle_cpu_s_per_min":1.6,"connect_us_cpu":250}}
{"kind":"measured","peer":"postroom","workload":"noisy","round":1,"result":{"workload":"noisy","alone_delivery_p50_ms":1.0,"alone_delivery_p99_ms":2.0,"beside_delivery_p50_ms":4.0,"beside_delivery_p99_ms":10.0,"delivery_p99_ratio":5.0,"quiet_busy":0,"noisy_busy":12}}
"#;

/// The run.
pub(crate) fn record() -> Record {
    Record::parse(RAW).unwrap_or_default()
}
