// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/measurement_json.hpp"

#include <cmath>
#include <memory>
#include <string>

#include "support/catch.hpp"

namespace mesura::model {
namespace {

SeriesInfo power_l1() {
  SeriesInfo s;
  s.device = "grid";
  s.channel = "l1";
  s.quantity = "active_power";
  s.unit = "W";
  s.label = "never shown";
  s.role = "grid";
  s.decimals = 3;
  return s;
}

SeriesInfo message() {
  SeriesInfo s;
  s.device = "grid";
  s.channel = "total";
  s.quantity = "message_text";
  s.unit = "1";
  s.kind = Kind::state;
  s.text = true;
  return s;
}

Measurement value(std::uint32_t series, double number, std::int64_t time_ns) {
  return {time_ns, number, series, 0, 0, MESURA_NUMBER, MESURA_GOOD};
}

Batch batch() {
  Batch b;
  b.device = "grid";
  b.time_ns = 1781441101000000000;
  b.received_ns = 1781441101213000000;
  b.texts = "hello \"you\"";
  return b;
}

std::string one(const SeriesInfo& s, const Measurement& m) {
  std::string out;
  append_json(out, s, batch(), m);
  return out;
}

TEST_CASE("the line that the design promises") {
  CHECK(one(power_l1(), value(0, 1843.27, 1781441101000000000)) ==
        R"({"device":"grid","channel":"l1","quantity":"active_power","unit":"W","time":"2026-06-14T12:45:01.000Z",)"
        R"("received":"2026-06-14T12:45:01.213Z","value":1843.27})");
}

TEST_CASE("quality is shown only when not good") {
  auto m = value(0, 230, 1781441101000000000);
  m.quality = MESURA_CLOCK_SUSPECT | MESURA_DERIVED;
  CHECK(one(power_l1(), m) ==
        R"({"device":"grid","channel":"l1","quantity":"active_power","unit":"W","time":"2026-06-14T12:45:01.000Z",)"
        R"("received":"2026-06-14T12:45:01.213Z","value":230,"quality":"clock_suspect,derived"})");
}

TEST_CASE("texts stand under another key, escaped") {
  Measurement m{1781441101000000000, 0, 1, 6, 5, MESURA_TEXT, MESURA_GOOD};
  CHECK(one(message(), m) ==
        R"({"device":"grid","channel":"total","quantity":"message_text","unit":"1","time":"2026-06-14T12:45:01.000Z",)"
        R"("received":"2026-06-14T12:45:01.213Z","text":"\"you\""})");
  m.text_size = 0;
  CHECK(one(message(), m).find(R"("text":""})") != std::string::npos);
}

TEST_CASE("a number that is none is null") {
  CHECK(one(power_l1(), value(0, std::nan(""), 0)).find(R"("value":null})") != std::string::npos);
  CHECK(one(power_l1(), value(0, -HUGE_VAL, 0)).find(R"("value":null})") != std::string::npos);
}

TEST_CASE("a batch gives a line each, every value at its own time") {
  SeriesTable table;
  const auto power = table.add(power_l1());
  const auto text = table.add(message());
  auto b = batch();
  b.items = {value(power, 1, b.time_ns), value(power, 2, 1781440800000000000),
             Measurement{1781440800000000000, 0, text, 0, 5, MESURA_TEXT, MESURA_STALE}, value(power, 3, b.time_ns)};
  std::string out = "kept\n";
  append_json_lines(out, table, b);
  CHECK(out ==
        "kept\n"
        R"({"device":"grid","channel":"l1","quantity":"active_power","unit":"W","time":"2026-06-14T12:45:01.000Z",)"
        R"("received":"2026-06-14T12:45:01.213Z","value":1})"
        "\n"
        R"({"device":"grid","channel":"l1","quantity":"active_power","unit":"W","time":"2026-06-14T12:40:00.000Z",)"
        R"("received":"2026-06-14T12:45:01.213Z","value":2})"
        "\n"
        R"({"device":"grid","channel":"total","quantity":"message_text","unit":"1","time":"2026-06-14T12:40:00.000Z",)"
        R"("received":"2026-06-14T12:45:01.213Z","text":"hello","quality":"stale"})"
        "\n"
        R"({"device":"grid","channel":"l1","quantity":"active_power","unit":"W","time":"2026-06-14T12:45:01.000Z",)"
        R"("received":"2026-06-14T12:45:01.213Z","value":3})"
        "\n");
}

TEST_CASE("a block of waveform is a line, with its samples where they are asked for") {
  auto stream = std::make_shared<WaveformStream>();
  stream->device = "lab";
  stream->start_ns = 1781441101000000000;
  stream->period_ns = 125'000;
  stream->names = {"v_l1", "i_l1"};
  stream->units = {"V", "mA"};
  auto block = std::make_shared<Waveform>();
  block->stream = stream;
  block->first_row = 8;
  block->rows = 3;
  block->gap_rows = 3;
  block->packet = 7;
  block->samples = {230.1F, -0.5F, 0, -1.17549435e-38F, HUGE_VALF, std::nanf("")};
  Batch b;
  b.waveform = block;
  std::string out;
  append_json_lines(out, SeriesTable{}, b);
  const std::string head = R"({"device":"lab","channel":"waveform","start":"2026-06-14T12:45:01.001Z","rate":8000,)"
                           R"("channels":["v_l1","i_l1"],"units":["V","mA"],"first_row":8,"rows":3,"packet":7,"gap":3)";
  CHECK(out == head + "}\n");
  out.clear();
  append_json_lines(out, SeriesTable{}, b, Samples::with);
  CHECK(out == head + R"(,"samples":[230.1,-0.5,0,-1.1754944e-38,null,null]})" + "\n");
}

}  // namespace
}  // namespace mesura::model
