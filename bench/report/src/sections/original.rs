//! The service that Postroom takes the place of. It cannot be run here, so its figures are quoted.

use crate::markdown::Table;

/// What was measured of it, with Node beside it as the measure.
pub(super) fn service() -> String {
    let mut table =
        Table::new(["work", "of", "original service", "Node socket.io 4.8 there", "ratio to Node"]);
    let rows = [
        ["acknowledged fan-out to 1,000 devices, 10 a second", "CPU s per million", "90", "36", "2.5"],
        [
            "acknowledged message for one device, 1 / 16 / 64 at once",
            "CPU s per million",
            "279 to 517",
            "136 / 87 / 100",
            "2 to 6",
        ],
        ["idle connection", "KiB per connection", "43 to 112", "15.4", "3 to 7"],
    ];
    for row in rows {
        table.row(row.map(str::to_owned));
    }
    format!(
        "## The original service\n\ncrossroads/socket.io-webservice (Node, socket.io, Redis) keeps acknowledged messages \
         as well. **These figures were taken on another machine, at another time**, so only their ratio to Node there can \
         be compared with the ratios above.\n\n{}",
        table.written()
    )
}
