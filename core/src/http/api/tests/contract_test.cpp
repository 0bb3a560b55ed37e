// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What holds for every endpoint: the description says what the code does, and bad questions get good answers.
#include "rig.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <set>

using namespace mesura;
using namespace mesura::test;
using nlohmann::json;

namespace {

/// A path with something in place of its placeholders.
std::string filled(std::string path) {
  for (std::size_t open = 0; (open = path.find('{')) != std::string::npos;)
    path.replace(open, path.find('}') - open + 1, "grid");
  return path;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return static_cast<char>(c | 0x20); });
  return text;
}

/// A good question for each endpoint that needs one.
std::string question(const std::string& path) {
  if (path == "/api/v1/query") return path + "?series=grid&from=1781438400&to=1781438410";
  if (path == "/api/v1/waveform") return path + "?device=lab";
  if (path == "/api/v1/demand") return path + "?device=grid";
  return filled(path);
}

void check_required(const json& schema, const json& answer, const std::string& path) {
  INFO(path);
  if (schema.contains("allOf"))
    for (const auto& part : schema["allOf"]) check_required(part, answer, path);
  if (!schema.contains("required")) return;
  for (const auto& key : schema["required"]) {
    INFO(key.get<std::string>());
    CHECK(answer.contains(key.get<std::string>()));
  }
}

}  // namespace

TEST_CASE("the OpenAPI description and the routes are one") {
  Rig rig;
  const json description = rig.json("/api/v1/openapi.json");
  CHECK(description["openapi"] == "3.0.3");
  std::set<std::string> described;
  for (const auto& [path, methods] : description["paths"].items()) described.insert(path);
  std::set<std::string> routed;
  for (const auto& endpoint : http::api::endpoints(rig.parts, rig.demand)) {
    INFO(endpoint.path);
    routed.insert(endpoint.path);
    const json& get = description["paths"][endpoint.path][lower(endpoint.method)];
    CHECK(get["summary"] == endpoint.summary);
    CHECK_FALSE(endpoint.summary.empty());
    REQUIRE(get["parameters"].size() == endpoint.parameters.size());
    for (std::size_t i = 0; i < endpoint.parameters.size(); ++i) {
      CHECK(get["parameters"][i]["name"] == endpoint.parameters[i].name);
      CHECK_FALSE(endpoint.parameters[i].help.empty());
    }
    const bool open = endpoint.path == "/health" || endpoint.path == "/ready";
    CHECK((endpoint.role == http::Role::none) == open);
  }
  CHECK(described == routed);
}

TEST_CASE("every endpoint answers with a status and a form that is described") {
  Rig rig;
  rig.measure(rig.power, kNoon, 1);
  for (int i = 0; i < 5; ++i) rig.database->samples[rig.power].push_back({kNoon + i * kSecond, 100.0});
  const json description = rig.json("/api/v1/openapi.json");
  for (const auto& [path, methods] : description["paths"].items()) {
    INFO(path);
    if (!methods.contains("get")) continue;
    const auto response = rig.get(question(path));
    const json& answers = methods["get"]["responses"];
    REQUIRE(answers.contains(std::to_string(response.status)));
    const json& content = answers[std::to_string(response.status)]["content"];
    const std::string type = response.content_type.substr(0, response.content_type.find(';'));
    REQUIRE(content.contains(type));
    if (type == "application/json" && response.status == 200)
      check_required(content[type]["schema"], json::parse(response.body), path);
  }
}

TEST_CASE("what an endpoint does not know is refused by each of them") {
  Rig rig;
  for (const auto& endpoint : http::api::endpoints(rig.parts, rig.demand)) {
    INFO(endpoint.path);
    if (endpoint.method != "GET") continue;
    const json error = rig.json(filled(endpoint.path) + "?nonsense=1", 400)["error"];
    CHECK(error["code"] == "api-unknown-parameter");
    CHECK(error["message"] == "there is no parameter 'nonsense' here");
  }
}

TEST_CASE("bad questions say what was expected and what came") {
  Rig rig;
  struct Case {
    const char* target;
    int status;
    const char* code;
    const char* got;
  };
  const Case cases[] = {
      {"/api/v1/query", 400, "api-missing-parameter", nullptr},
      {"/api/v1/query?series=gird/*", 404, "qry-series", nullptr},
      {"/api/v1/query?series=a/b/c/d", 400, "api-parameter", nullptr},
      {"/api/v1/query?series=grid&from=2026-06-14T12:00:00Z&to=2026-06-13T12:00:00Z", 400, "qry-range",
       "from 2026-06-14T12:00:00.000Z to 2026-06-13T12:00:00.000Z"},
      {"/api/v1/query?series=grid&from=2026-06-14&to=9999-01-01", 400, "api-parameter", "'9999-01-01'"},
      {"/api/v1/query?series=grid&from=1700-01-01&to=2200-01-01", 400, "qry-range", nullptr},
      {"/api/v1/query?series=grid&points=1000000000", 400, "api-parameter", "'1000000000'"},
      {"/api/v1/query?series=grid&points=0", 400, "api-parameter", "'0'"},
      {"/api/v1/query?series=grid&points=12x", 400, "api-parameter", "'12x'"},
      {"/api/v1/query?series=grid&from=-30d&every=1s", 400, "qry-too-much", "2592001 of 1s"},
      {"/api/v1/query?series=grid&every=10s&points=5", 400, "api-parameter", nullptr},
      {"/api/v1/query?series=grid&format=cvs", 400, "api-parameter", "'cvs'"},
      {"/api/v1/query?series=grid&format=csv&format=json", 400, "api-parameter-twice", "'json'"},
      {"/api/v1/query?series=grid&from=2026-06-14T12:00:00+02:00", 400, "api-parameter", "'2026-06-14T12:00:00 02:00'"},
      {"/api/v1/energy?every=fortnight", 400, "api-parameter", "'fortnight'"},
      {"/api/v1/energy?every=15m&from=2015-01-01", 400, "qry-too-much", nullptr},
      {"/api/v1/latest?series=nobody", 404, "qry-series", "'nobody'"},
      {"/api/v1/waveform?device=lab&seconds=1e99", 400, "api-parameter", "'1e99'"},
      {"/api/v1/waveform?device=lab&seconds=nan", 400, "api-parameter", "'nan'"},
      {"/api/v1/live?every=1ms", 400, "api-parameter", "'1ms'"},
  };
  for (const auto& c : cases) {
    INFO(c.target);
    const auto response = rig.get(c.target);
    CHECK(response.status == c.status);
    const json error = json::parse(response.body)["error"];
    CHECK(error["code"] == c.code);
    CHECK_FALSE(error["message"].get<std::string>().empty());
    if (c.got != nullptr) CHECK(error["got"] == c.got);
  }
}

TEST_CASE("a database that is away is told with a code, a hint and when to ask again") {
  Rig rig;
  rig.database->away = true;
  const auto response = rig.get("/api/v1/query?series=grid");
  CHECK(response.status == 503);
  const json error = json::parse(response.body)["error"];
  CHECK(error["code"] == "sto-open");
  CHECK(error["message"] == "the database is away");
  CHECK(error["expected"] == "a server");
  CHECK(error["got"] == "none");
  CHECK(error["hint"] == "start it");
  CHECK(response.headers == http::Fields{{"Retry-After", "5"}});
  // A store that has failed is not used again.
  rig.database->away = false;
  CHECK(rig.get("/api/v1/query?series=grid/total").status == 200);
  CHECK(rig.database->opened == 2);
  rig.snapshot->stores = nullptr;
  CHECK(rig.json("/api/v1/query?series=grid", 503)["error"]["code"] == "api-no-store");
}

TEST_CASE("a message of the store is split into its parts") {
  const auto error = http::api::split_message(
      "qry-series: no series matches 'a'\n  expected  b, c,\n            d\n  hint      try: c");
  CHECK(error.code == "qry-series");
  CHECK(error.message == "no series matches 'a'");
  CHECK(error.expected == "b, c, d");
  CHECK(error.hint == "try: c");
  CHECK(http::api::split_message("it broke: badly").code == "qry-store");
}

TEST_CASE("snapshots are made on the loop, and nobody waits for a loop that stands still") {
  runtime::SystemClock clock;
  runtime::EventLoop loop{clock};
  int made = 0;
  http::api::Snapshots snapshots{loop,
                                 [&] {
                                   http::api::Snapshot s;
                                   s.version = std::to_string(++made);
                                   return s;
                                 },
                                 {std::chrono::milliseconds{0}, std::chrono::milliseconds{20}}};
  CHECK(snapshots.current() == nullptr);
  CHECK(snapshots.fresh() == nullptr);  // the loop does not run
  (void)loop.run_once(std::chrono::nanoseconds{0});
  REQUIRE(snapshots.current() != nullptr);
  CHECK(snapshots.current()->version == "1");
  CHECK(made == 1);
  snapshots.publish();
  CHECK(snapshots.current()->version == "2");
}
