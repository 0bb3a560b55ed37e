// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What each endpoint answers, by value.
#include "rig.hpp"

#include "http/api/exposition.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <cstring>

using namespace mesura;
using namespace mesura::test;

namespace {

void fill(Rig& rig, int seconds) {
  for (int i = 0; i < seconds; ++i) {
    rig.database->samples[rig.power].push_back({kNoon + i * kSecond, 100.0 + i});
    rig.database->samples[rig.energy].push_back({kNoon + i * kSecond, 5000.0 + i});
  }
}

}  // namespace

TEST_CASE("a query gives every measurement where there are few, and windows where there are many") {
  Rig rig;
  fill(rig, 60);
  const auto few =
      rig.json("/api/v1/query?series=grid/total/active_power&from=2026-06-14T12:00:00Z&to=2026-06-14T12:01:00Z");
  REQUIRE(few["series"].size() == 1);
  const auto& one = few["series"][0];
  CHECK(one["device"] == "grid");
  CHECK(one["label"] == "House");
  CHECK(one["window_s"] == 0);
  CHECK(one["value"].size() == 60);
  CHECK(one["times"][0] == 1'781'438'400);
  CHECK(one["value"][59] == 159);
  CHECK(few["zone"] == "Europe/Brussels");

  const auto windows = rig.json(
      "/api/v1/query?series=grid/total/active_power&from=2026-06-14T12:00:00Z&to=2026-06-14T12:01:00Z&every=20s&"
      "aggregate=all");
  const auto& w = windows["series"][0];
  CHECK(w["window_s"] == 20);
  CHECK(w["times"].dump() == "[1781438400,1781438420,1781438440]");
  CHECK(w["min"].dump() == "[100,120,140]");
  CHECK(w["max"].dump() == "[119,139,159]");
  CHECK(w["mean"].dump() == "[109.5,129.5,149.5]");
  CHECK(w["count"].dump() == "[20,20,20]");
  CHECK(w["last"].dump() == "[119,139,159]");
}

TEST_CASE("a query as CSV and JSON lines says the same as the object") {
  Rig rig;
  fill(rig, 4);
  const std::string ask = "/api/v1/query?series=grid/total/active_power&from=1781438400&to=1781438404&";
  CHECK(rig.body(ask + "every=2s&format=csv") ==
        "device,channel,quantity,unit,time,min,max\r\n"
        "grid,total,active_power,W,2026-06-14T12:00:00.000Z,100,101\r\n"
        "grid,total,active_power,W,2026-06-14T12:00:02.000Z,102,103\r\n");
  CHECK(
      rig.body(ask + "every=2s&format=jsonl&aggregate=last") ==
      R"({"device":"grid","channel":"total","quantity":"active_power","unit":"W","time":"2026-06-14T12:00:00.000Z","value":101})"
      "\n"
      R"({"device":"grid","channel":"total","quantity":"active_power","unit":"W","time":"2026-06-14T12:00:02.000Z","value":103})"
      "\n");
}

TEST_CASE("raw rows are streamed in pieces, none lost and none twice") {
  Rig rig;
  rig.database->samples.clear();
  for (int i = 0; i < 9000; ++i) rig.database->samples[rig.power].push_back({kNoon + i * kSecond, i * 0.5});
  rig.database->states[2] = {{kNoon - kSecond, 0, "before"}, {kNoon + 5 * kSecond, 0, "a, \"b\""}};
  rig.database->series[0].info.decimals = 1;
  auto response = rig.get("/api/v1/query?series=grid&from=1781438400&to=1781447400&every=raw&format=csv");
  REQUIRE(response.stream);
  CHECK(response.content_type == "text/csv; charset=utf-8");
  std::string all;
  int pieces = 1;
  while (response.stream(all)) ++pieces;
  CHECK(pieces > 1);
  std::size_t lines = 0;
  for (const char c : all) lines += c == '\n' ? 1 : 0;
  CHECK(lines == 1 + 9000 + 1);
  CHECK(all.find("grid,total,active_power,W,2026-06-14T12:00:01.000Z,0.5\r\n") != std::string::npos);
  CHECK(all.find("grid,total,active_power,W,2026-06-14T14:29:59.000Z,4499.5\r\n") != std::string::npos);
  CHECK(all.find("grid,meter,message,1,2026-06-14T12:00:05.000Z,\"a, \"\"b\"\"\"\r\n") != std::string::npos);
  CHECK(all.find("before") == std::string::npos);
  CHECK(rig.database->opened == 1);
}

TEST_CASE("texts and states come as changes") {
  Rig rig;
  rig.database->states[2] = {{kNoon - 60 * kSecond, 0, "old"}, {kNoon + 5 * kSecond, 0, "new"}};
  const auto answer = rig.json("/api/v1/query?series=grid/meter&from=1781438400&to=1781438410");
  CHECK(answer["series"][0]["text"].dump() == R"(["old","new"])");
}

TEST_CASE("latest values are those of memory, one for each name, and remade when something new comes") {
  Rig rig;
  CHECK(rig.json("/api/v1/latest")["measurements"].empty());
  rig.measure(rig.power, kNoon, 230.5);
  auto decimals = rig.table.at(rig.power);
  CHECK(rig.json("/api/v1/latest")["last_id"] == "abc-1");
  decimals.label = "Renamed";
  decimals.decimals = 1;
  const auto renamed = rig.table.add(decimals);
  rig.measure(renamed, kNoon + kSecond, 231.5);
  const auto all = rig.json("/api/v1/latest");
  REQUIRE(all["measurements"].size() == 1);
  CHECK(all["measurements"][0]["value"] == 231.5);
  CHECK(all["measurements"][0]["received"] == "2026-06-14T12:00:01.250Z");
  CHECK(all["last_id"] == "abc-2");
  rig.say(rig.text, kNoon, "x,y");
  CHECK(rig.body("/api/v1/latest?series=grid/meter&format=csv") ==
        "device,channel,quantity,unit,time,received,value,quality\r\n"
        "grid,meter,message,1,2026-06-14T12:00:00.000Z,2026-06-14T12:00:00.000Z,\"x,y\",\r\n");
}

TEST_CASE("live events begin where they are asked to, and tell what is missing") {
  Rig rig;
  rig.measure(rig.power, kNoon, 1);
  rig.measure(rig.power, kNoon + kSecond, 2);
  auto fresh = rig.get("/api/v1/live");
  CHECK(fresh.content_type == "text/event-stream");
  std::string out;
  fresh.events(out);
  CHECK(out == "retry: 2000\nid: abc-2\nevent: hello\ndata: {\"last_id\":\"abc-2\"}\n\n");
  out.clear();
  fresh.events(out);
  CHECK(out.empty());
  rig.measure(rig.power, kNoon + 2 * kSecond, 3);
  rig.say(rig.text, kNoon + 2 * kSecond, "two\nlines");
  fresh.events(out);
  const std::string three =
      R"(data: {"device":"grid","channel":"total","quantity":"active_power","unit":"W","time":"2026-06-14T12:00:02.000Z","received":"2026-06-14T12:00:02.250Z","value":3})"
      "\n";
  const std::string words =
      R"(data: {"device":"grid","channel":"meter","quantity":"message","unit":"1","time":"2026-06-14T12:00:02.000Z","received":"2026-06-14T12:00:02.000Z","text":"two\nlines"})"
      "\n";
  CHECK(out == "id: abc-4\n" + three + words + "\n");

  out.clear();
  auto filtered = rig.get("/api/v1/live?series=grid/total&last_id=abc-2");
  filtered.events(out);
  CHECK(out.find("id: abc-4\n" + three + "\n") != std::string::npos);

  // The header counts: a browser comes back to a URL with an older one.
  out.clear();
  rig.get("/api/v1/live?last_id=abc-1", {{"Last-Event-ID", "abc-3"}}).events(out);
  CHECK(out.find("id: abc-4\n" + words + "\n") != std::string::npos);

  out.clear();
  rig.get("/api/v1/live?last_id=fff-3").events(out);
  CHECK(out.find("event: missed\ndata: {\"reason\":\"restart\",\"missed\":null}\n\n") != std::string::npos);

  for (int i = 0; i < 1100; ++i) rig.measure(rig.power, kNoon + i * kSecond, i);
  out.clear();
  rig.get("/api/v1/live?last_id=abc-4").events(out);
  CHECK(out.find("event: missed\ndata: {\"reason\":\"slow\",\"missed\":100}\n\n") != std::string::npos);
  CHECK(rig.json("/api/v1/live?last_id=nonsense", 400)["error"]["code"] == "api-parameter");
}

TEST_CASE("many readers of one stream get the same, whenever each is asked") {
  Rig rig;
  auto first = rig.get("/api/v1/live?series=grid/total");
  auto second = rig.get("/api/v1/live?series=grid/total");
  std::string a;
  std::string b;
  first.events(a);
  second.events(b);
  a.clear();
  b.clear();
  for (int i = 0; i < 50; ++i) {
    rig.measure(rig.power, kNoon + i * kSecond, i);
    first.events(a);
    if (i % 7 == 0) second.events(b);
  }
  second.events(b);
  const auto values = [](const std::string& text) {
    std::string only;
    for (auto at = text.find("\"value\":"); at != std::string::npos; at = text.find("\"value\":", at + 1))
      only += text.substr(at + 8, text.find('}', at) - at - 8) + ' ';
    return only;
  };
  CHECK(values(a) == values(b));
  CHECK(values(a).substr(0, 8) == "0 1 2 3 ");
  CHECK(values(a).size() == 10 * 2 + 40 * 3);
}

TEST_CASE("a waveform is thinned to minima and maxima, and what was lost is null") {
  Rig rig;
  rig.live.keep_waveforms(std::chrono::seconds{10});
  auto stream = std::make_shared<WaveformStream>();
  stream->id = 7;
  stream->device = "lab";
  stream->start_ns = kNoon;
  stream->period_ns = 1e8;  // 10 rows a second
  stream->names = {"v_l1", "i_l1"};
  stream->units = {"V", "mA"};
  const auto block = [&](std::uint64_t first, std::vector<float> samples) {
    auto w = std::make_shared<Waveform>();
    w->stream = stream;
    w->first_row = first;
    w->rows = samples.size() / 2;
    w->samples = std::move(samples);
    auto batch = std::make_shared<Batch>();
    batch->device = "lab";
    batch->waveform = w;
    rig.live.take(batch);
  };
  block(0, {1, 10, 2, 20, 3, 30, 4, 40});
  block(6, {7, 70, -8, 80});  // rows 4 and 5 are lost
  const auto all = rig.json("/api/v1/waveform?device=lab&seconds=1");
  CHECK(all["rate"] == 10);
  CHECK(all["rows"] == 8);
  CHECK(all["lost_rows"] == 2);
  CHECK(all["samples"]["v_l1"].dump() == "[1,2,3,4,null,null,7,-8]");
  CHECK(all["start"] == "2026-06-14T12:00:00.000Z");
  const auto thin = rig.json("/api/v1/waveform?device=lab&seconds=1&points=2");
  CHECK(thin["min"]["v_l1"].dump() == "[1,-8]");
  CHECK(thin["max"]["i_l1"].dump() == "[40,80]");
  const auto last = rig.json("/api/v1/waveform?device=lab&seconds=0.2");
  CHECK(last["samples"]["i_l1"].dump() == "[70,80]");
  const auto binary = rig.get("/api/v1/waveform?device=lab&seconds=0.2&format=f32");
  CHECK(binary.content_type == "application/octet-stream");
  REQUIRE(binary.body.size() == 16);
  float values[4];
  std::memcpy(values, binary.body.data(), 16);
  CHECK(values[2] == -8);
  CHECK(rig.json("/api/v1/waveform?device=grid", 404)["error"]["code"] == "api-waveform");
}

TEST_CASE("metrics have names, types and labels as Prometheus reads them") {
  Rig rig;
  rig.measure(rig.power, kNoon, -12.5);
  rig.measure(rig.energy, kNoon, 5000);
  rig.say(rig.text, kNoon, "say \"hi\"\\\n");
  const std::string page = rig.body("/metrics");
  CHECK(page.find("# HELP mesura_active_power_w active power in W\n# TYPE mesura_active_power_w gauge\n"
                  "mesura_active_power_w{device=\"grid\",channel=\"total\",quantity=\"active_power\",unit=\"W\",label="
                  "\"House\",role=\"grid\"} -12.5\n") != std::string::npos);
  CHECK(page.find("# TYPE mesura_active_energy_import_wh_total counter\n") != std::string::npos);
  CHECK(page.find("text=\"say \\\"hi\\\"\\\\\\n\"} 1\n") != std::string::npos);
  CHECK(page.find("mesura_device_up{device=\"grid\",plugin=\"dsmr_p1\"} 1\n") != std::string::npos);
  CHECK(page.find("mesura_build_info{version=\"1.2.3\"} 1\n") != std::string::npos);
  CHECK(page.find("process_resident_memory_bytes ") != std::string::npos);
  rig.snapshot->devices[0].health.state = session::State::stale;
  const std::string later = rig.body("/metrics");
  CHECK(later.find("mesura_active_power_w") == std::string::npos);
  CHECK(later.find("mesura_device_state{device=\"grid\",state=\"stale\"} 1\n") != std::string::npos);
}

TEST_CASE("devices, series, sinks, alerts and the configuration are told as they stand") {
  Rig rig;
  rig.measure(rig.power, kNoon, 1);
  CHECK(rig.json("/api/v1/devices")["devices"][0]["attributes"]["serial"] == "4711");
  const auto grid = rig.json("/api/v1/devices/grid");
  CHECK(grid["last_frame_age_s"] == 1);
  CHECK(grid["channels"][1]["label"] == "House");
  CHECK(grid["series"].size() == 3);
  CHECK(rig.json("/api/v1/devices/gird", 404)["error"]["hint"] == "did you mean 'grid'?");
  fill(rig, 3);
  const auto series = rig.json("/api/v1/series?series=*/*/active_power");
  CHECK(series["series"][0]["first"] == "2026-06-14T12:00:00.000Z");
  CHECK(series["series"][0]["stored"] == true);
  CHECK(rig.json("/api/v1/sinks")["sinks"][0]["answers"] == true);
  CHECK(rig.json("/api/v1/spool")["sinks"][0]["dead_letters"] == 0);
  rig.snapshot->alerts.push_back({"cold", "grid", "stale", true, kNoon, "silent"});
  CHECK(rig.json("/api/v1/alerts")["active"][0]["since"] == "2026-06-14T12:00:00.000Z");
  CHECK(rig.body("/api/v1/config?format=yaml") == "timezone: Europe/Brussels\n");
}

TEST_CASE("ready says what is missing, and details only to those who may read") {
  Rig rig;
  CHECK(rig.json("/ready")["ready"] == true);
  rig.snapshot->sinks[0].queue.state = pipeline::SinkQueue::State::failing;
  rig.snapshot->sinks[0].queue.last_error = "no route to db.local";
  CHECK(rig.json("/ready", 503)["reasons"][0] == "sink local is not open: no route to db.local");
  rig.principal.role = http::Role::none;
  CHECK(rig.json("/ready", 503)["reasons"][0] == "sink local is not open");
  CHECK(rig.json("/health")["status"] == "ok");
  rig.collector_answers = false;
  CHECK(rig.json("/ready", 503)["reasons"][0] == "the collector does not answer");
  CHECK(rig.json("/api/v1/devices", 503)["error"]["code"] == "api-busy");
}
