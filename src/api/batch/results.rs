//! The answer to a batch: one result for each message, in their order.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::api::answer::{Refusal, write_receipt};
use crate::domain::Receipt;
use crate::gateway::SendError;

/// About as long as one result is.
const LENGTH: usize = 72;

/// What became of each message.
pub(super) struct Results(Vec<Result<Receipt, Refusal>>);

impl Results {
    /// Puts together what the gateway said of the messages that could be read, and what was wrong with the others,
    /// which stood in these places.
    pub(super) fn new(outcomes: Vec<Result<Receipt, SendError>>, faults: Vec<(usize, Refusal)>) -> Self {
        let count = outcomes.len() + faults.len();
        let mut outcomes = outcomes.into_iter();
        let mut faults = faults.into_iter().peekable();
        let result = |place| match faults.next_if(|(of, _)| *of == place) {
            Some((_, fault)) => Some(Err(fault)),
            None => outcomes.next().map(|outcome| outcome.map_err(Refusal::from)),
        };
        Self((0..count).map_while(result).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn accepted(&self) -> usize {
        self.0.iter().filter(|result| result.is_ok()).count()
    }

    /// 503 where nothing was accepted, and something was refused only for now.
    pub(super) fn respond(&self) -> HttpResponse {
        let for_now = |result: &Result<Receipt, Refusal>| matches!(result, Err(refusal) if refusal.status() == StatusCode::SERVICE_UNAVAILABLE);
        if self.accepted() == 0 && self.0.iter().any(for_now) {
            let problem = Refusal::NoneTaken.problem();
            let open = problem.strip_suffix('}').unwrap_or_default();
            return Refusal::NoneTaken.respond_problem(self.json(open, ","));
        }
        HttpResponse::Ok().content_type("application/json").body(self.json("{", ""))
    }

    fn json(&self, before: &str, between: &str) -> String {
        let mut json = String::with_capacity(before.len() + 16 + LENGTH * self.0.len());
        json.push_str(before);
        json.push_str(between);
        json.push_str("\"results\":[");
        for (place, result) in self.0.iter().enumerate() {
            if place > 0 {
                json.push(',');
            }
            match result {
                Ok(receipt) => write_receipt(&mut json, receipt),
                Err(refusal) => {
                    json.push_str("{\"error\":");
                    json.push_str(&refusal.problem());
                    json.push('}');
                }
            }
        }
        json.push_str("]}");
        json
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;
    use crate::domain::MessageId;
    use crate::store::StoreError;

    async fn answer(results: &Results) -> (u16, Option<String>, String, serde_json::Value) {
        let response = results.respond();
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (status, again, kind) =
            (response.status().as_u16(), header("retry-after"), header("content-type"));
        let body = to_bytes(response.into_body()).await.unwrap();
        (status, again, kind.unwrap(), serde_json::from_slice(&body).unwrap())
    }

    fn receipt(id: u64) -> Receipt {
        Receipt { id: MessageId(id), devices: 3, online: 2, queued: 1 }
    }

    #[actix_web::test]
    async fn each_result_stands_in_the_place_of_its_message() {
        let faults = vec![(0, Refusal::NoEvent), (3, Refusal::ItemNotAnObject)];
        let results = Results::new(vec![Ok(receipt(7)), Ok(receipt(8))], faults);
        let (status, again, kind, json) = answer(&results).await;
        assert_eq!((status, again, kind.as_str()), (200, None, "application/json"));
        let results = json["results"].as_array().unwrap();
        assert_eq!(results[0]["error"]["detail"], "'event' is missing.");
        assert_eq!(results[0]["error"]["status"], 400);
        assert_eq!(results[1], serde_json::json!({"id": "7", "devices": 3, "online": 2, "queued": 1}));
        assert_eq!(results[2]["id"], "8");
        assert!(
            results[3]["error"]["detail"].as_str().unwrap().starts_with("The message must be a JSON object")
        );
    }

    #[actix_web::test]
    async fn refused_for_now_altogether_is_503_and_says_when() {
        let congested = || Err(SendError::Congested);
        let unsure = Err(SendError::Store(StoreError::Unavailable("x".to_owned())));
        let results = Results::new(vec![congested(), unsure], vec![(1, Refusal::NoRooms)]);
        let (status, again, kind, json) = answer(&results).await;
        assert_eq!((status, again.as_deref(), kind.as_str()), (503, Some("1"), "application/problem+json"));
        assert_eq!(
            (json["status"].as_u64(), json["title"].as_str()),
            (Some(503), Some("Service Unavailable"))
        );
        let statuses: Vec<_> = json["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["error"]["status"].as_u64().unwrap())
            .collect();
        assert_eq!(statuses, [503, 400, 503]);
        // One that was accepted, or nothing but faults of the caller: no.
        let (status, ..) = answer(&Results::new(vec![congested(), Ok(receipt(1))], Vec::new())).await;
        assert_eq!(status, 200);
        let (status, again, ..) = answer(&Results::new(Vec::new(), vec![(0, Refusal::NoRooms)])).await;
        assert_eq!((status, again), (200, None));
    }
}
