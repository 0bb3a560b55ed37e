// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/render.hpp"

#include <support/catch.hpp>

#include <limits>

using namespace mesura;
using namespace mesura::store;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kT0 = 1'792'889'990 * kSecond;  // 2026-10-25T00:59:50Z: ten seconds before the clocks go back

StoredSeries make_series(const char* quantity, const char* unit, bool text = false, bool state = false) {
  StoredSeries s;
  s.info.device = "grid";
  s.info.channel = "total";
  s.info.quantity = quantity;
  s.info.unit = unit;
  s.info.decimals = 1;
  s.info.text = text;
  s.stored_as_state = state;
  return s;
}

Trace raw_trace() {
  Trace t;
  t.series = make_series("active_power", "W");
  for (const auto& [at, value] : {std::pair{0, 230.04}, {5, -0.04}, {60, 7.0}})
    t.points.push_back({kT0 + at * kSecond, value, value, value, value, 1});
  t.gaps.push_back({kT0 + 5 * kSecond, kT0 + 60 * kSecond});
  return t;
}

Trace thinned_trace() {
  Trace t;
  t.series = make_series("active_power", "W");
  t.resolution = Resolution::minute;
  t.window = std::chrono::minutes{10};
  t.points.push_back({kT0, 1, 9, 4.12345, 6, 600});
  t.points.push_back({kT0 + 1800 * kSecond, 2, 3, std::numeric_limits<double>::quiet_NaN(), 3, 1});
  t.gaps.push_back({kT0 + 500 * kSecond, kT0 + 1800 * kSecond});
  return t;
}

Trace text_trace() {
  Trace t;
  t.series = make_series("mode", "1", true, true);
  t.states.push_back({kT0 - 100 * kSecond, 0, "a \"b\",\n\x1b[2J"});
  return t;
}

std::string show(const std::vector<Trace>& traces, AnswerForm form, Aggregate aggregate = Aggregate::minmax) {
  std::string out;
  RenderOptions options;
  options.form = form;
  options.aggregate = aggregate;
  options.zone = *model::Zone::find("Europe/Brussels");
  CHECK(render(traces, {kT0, kT0 + 3600 * kSecond}, options, [&](std::string_view piece) {
    out += piece;
    return true;
  }));
  return out;
}

}  // namespace

TEST_CASE("a query as CSV has a row a point and an empty one where a gap begins") {
  CHECK(show({raw_trace()}, AnswerForm::csv) ==
        "device,channel,quantity,unit,time,value\r\n"
        "grid,total,active_power,W,2026-10-25T00:59:50.000Z,230\r\n"
        "grid,total,active_power,W,2026-10-25T00:59:55.000Z,0\r\n"
        "grid,total,active_power,W,2026-10-25T00:59:55.001Z,\r\n"
        "grid,total,active_power,W,2026-10-25T01:00:50.000Z,7\r\n");
  CHECK(show({thinned_trace()}, AnswerForm::csv, Aggregate::all) ==
        "device,channel,quantity,unit,time,min,max,mean,last,count\r\n"
        "grid,total,active_power,W,2026-10-25T00:59:50.000Z,1,9,4.1235,6,600\r\n"
        "grid,total,active_power,W,2026-10-25T01:09:50.000Z,,,,,\r\n"
        "grid,total,active_power,W,2026-10-25T01:29:50.000Z,2,3,,3,1\r\n");
  CHECK(show({thinned_trace(), text_trace()}, AnswerForm::csv, Aggregate::max) ==
        "device,channel,quantity,unit,time,value,text\r\n"
        "grid,total,active_power,W,2026-10-25T00:59:50.000Z,9,\r\n"
        "grid,total,active_power,W,2026-10-25T01:09:50.000Z,,\r\n"
        "grid,total,active_power,W,2026-10-25T01:29:50.000Z,3,\r\n"
        "grid,total,mode,1,2026-10-25T00:58:10.000Z,,\"a \"\"b\"\",\\x0a\\x1b[2J\"\r\n");
}

TEST_CASE("a query as JSON tells resolution, window, columns and gaps") {
  const std::string head =
      R"({"from":"2026-10-25T00:59:50.000Z","to":"2026-10-25T01:59:50.000Z","zone":"Europe/Brussels","series":[)";
  const std::string series =
      R"({"device":"grid","channel":"total","quantity":"active_power","unit":"W","kind":"gauge",)"
      R"("name":"grid/total/active_power","flat_name":"","label":"","role":"","source":"","text":false,"decimals":1,)"
      R"("resolution":"1m","window_s":600,"times":[1792889990,1792891790],)";
  const std::string gaps = R"("gaps":[[1792890490,1792891790]]}]})";
  CHECK(show({thinned_trace()}, AnswerForm::json) == head + series + R"("min":[1,2],"max":[9,3],)" + gaps + "\n");
  CHECK(show({thinned_trace()}, AnswerForm::json, Aggregate::mean) ==
        head + series + R"("mean":[4.1235,null],)" + gaps + "\n");
  CHECK(show({}, AnswerForm::json) == head + "]}\n");
}

TEST_CASE("a query as JSON lines has measurements as they are shown everywhere") {
  CHECK(show({raw_trace(), text_trace()}, AnswerForm::jsonl) ==
        "{\"device\":\"grid\",\"channel\":\"total\",\"quantity\":\"active_power\",\"unit\":\"W\",\"time\":"
        "\"2026-10-25T00:59:50.000Z\",\"value\":230}\n"
        "{\"device\":\"grid\",\"channel\":\"total\",\"quantity\":\"active_power\",\"unit\":\"W\",\"time\":"
        "\"2026-10-25T00:59:55.000Z\",\"value\":0}\n"
        "{\"device\":\"grid\",\"channel\":\"total\",\"quantity\":\"active_power\",\"unit\":\"W\",\"time\":"
        "\"2026-10-25T00:59:55.001Z\",\"value\":null}\n"
        "{\"device\":\"grid\",\"channel\":\"total\",\"quantity\":\"active_power\",\"unit\":\"W\",\"time\":"
        "\"2026-10-25T01:00:50.000Z\",\"value\":7}\n"
        "{\"device\":\"grid\",\"channel\":\"total\",\"quantity\":\"mode\",\"unit\":\"1\",\"time\":"
        "\"2026-10-25T00:58:10.000Z\",\"text\":\"a \\\"b\\\",\\n\\u001b[2J\"}\n");
}

TEST_CASE("a table shows local times with their offset, so that the repeated hour is told apart") {
  const std::string out = show({raw_trace(), text_trace()}, AnswerForm::table);
  INFO(out);
  CHECK_THAT(out, Catch::Matchers::StartsWith("grid/total/active_power  W\n"));
  CHECK_THAT(out, test::contains("  2026-10-25 02:59:50.000+02:00             230\n"));
  CHECK_THAT(out, test::contains("  2026-10-25 02:00:50.000+01:00               7\n"));
  CHECK_THAT(out, test::contains("-  nothing for 54s\n"));
  CHECK_THAT(out, test::contains("a \"b\",\\x0a\\x1b[2J\n"));
  CHECK_THAT(show({thinned_trace()}, AnswerForm::table), test::contains("windows of 10m from 1m rows"));
  Trace empty = raw_trace();
  empty.points.clear(), empty.gaps.clear();
  CHECK_THAT(show({empty}, AnswerForm::table), test::contains("nothing in this range"));
}

TEST_CASE("a reader that wants no more ends the rendering") {
  Trace t = raw_trace();
  for (int i = 0; i < 10'000; ++i) t.points.push_back(t.points.back());
  int pieces = 0;
  RenderOptions options;
  CHECK_FALSE(render({t, t, t}, {kT0, kT0 + kSecond}, options, [&](std::string_view) {
    ++pieces;
    return false;
  }));
  CHECK(pieces == 1);
}

TEST_CASE("latest values look as those of the running service") {
  const std::vector<StoredSeries> series{make_series("active_power", "W"), make_series("mode", "1", true, true)};
  std::vector<StoredSeries> numbered = series;
  numbered[1].info.id = 1;
  const std::vector<LatestValue> values{{0, kT0, 12.34, "", MESURA_GOOD}, {1, kT0, 0, "L, x", MESURA_GOOD}};
  std::string out;
  RenderOptions options;
  options.form = AnswerForm::csv;
  render_latest(out, numbered, values, options);
  CHECK(out ==
        "device,channel,quantity,unit,time,received,value,quality\r\n"
        "grid,total,active_power,W,2026-10-25T00:59:50.000Z,,12.3,\r\n"
        "grid,total,mode,1,2026-10-25T00:59:50.000Z,,\"L, x\",\r\n");
  out.clear();
  options.form = AnswerForm::json;
  render_latest(out, numbered, values, options);
  CHECK(out ==
        "{\"series\":[{\"device\":\"grid\",\"channel\":\"total\",\"quantity\":\"active_power\",\"unit\":\"W\",\"time\":"
        "\"2026-10-25T00:59:50.000Z\",\"value\":12.3},{\"device\":\"grid\",\"channel\":\"total\",\"quantity\":\"mode\","
        "\"unit\":\"1\",\"time\":\"2026-10-25T00:59:50.000Z\",\"text\":\"L, x\"}]}\n");
}

TEST_CASE("words of aggregates and forms") {
  for (const char* word : {"minmax", "mean", "last", "min", "max", "all"})
    CHECK(to_string(aggregate_from(word).value()) == word);
  CHECK_FALSE(aggregate_from("median"));
  CHECK_FALSE(aggregate_from(""));
  CHECK(answer_form_from("jsonl") == AnswerForm::jsonl);
  CHECK_FALSE(answer_form_from("plot"));
}
