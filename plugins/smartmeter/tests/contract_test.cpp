// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The plugin against the host's own rules: its schema is one that the host accepts, and no series or attribute that it
// can emit is outside the vocabulary or its own additions.
#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "command/arguments.hpp"
#include "commands.hpp"
#include "emitter.hpp"
#include "measures.hpp"
#include "model/vocabulary.hpp"
#include "smartmeter_schema.hpp"
#include "support/catch.hpp"
#include "support/plugin_schema.hpp"

using namespace mesura::smartmeter;
using mesura::model::Vocabulary;

namespace {

mesura::config::PluginSchema schema() { return mesura::test::accepted_schema(mesura_schema); }

}  // namespace

TEST_CASE("the host accepts the schema") {
  const auto s = schema();
  CHECK(s.name == "smartmeter");
  CHECK(s.version == "0.1.0");
  REQUIRE(s.links.size() == 2);
  CHECK(s.links[0].name == "command");
  CHECK_FALSE(s.links[0].optional);
  CHECK(s.links[1].name == "data");
  CHECK(s.links[1].optional);
}

TEST_CASE("every command of the schema has its flow, and no flow is without a command") {
  const auto s = schema();
  for (const auto& command : s.commands) {
    INFO(command.name);
    const auto all = flows();
    const auto flow = std::find_if(all.begin(), all.end(), [&](const Flow& f) { return f.name == command.name; });
    REQUIRE(flow != all.end());
    // What a measurement stands in the way of can ask for a pause.
    const bool pauses = std::any_of(command.arguments.begin(), command.arguments.end(),
                                    [](const auto& a) { return a.name == "pause"; });
    CHECK(pauses == flow->needs_idle);
    CHECK((command.danger != mesura::config::Danger::dangerous || !command.warning.empty()));
  }
  CHECK(s.commands.size() == flows().size());
}

TEST_CASE("what a command gives as an example is good") {
  for (const auto& command : schema().commands) {
    INFO(command.name << " " << command.example);
    std::vector<std::string> words;
    std::istringstream in(command.example);
    for (std::string word; in >> word;) words.push_back(word);
    if (!words.empty()) CHECK(mesura::command::read_words(command, words).ok());
  }
}

TEST_CASE("every measure of the options is known, to one of the two devices at least") {
  const auto s = schema();
  const auto option =
      std::find_if(s.options.begin(), s.options.end(), [](const auto& o) { return o.name == "measures"; });
  REQUIRE(option != s.options.end());
  for (const auto& word : option->schema.values) {
    INFO(word);
    CHECK((find_measure(Model::smartmeter, word) != nullptr || find_measure(Model::powermeter, word) != nullptr));
    CHECK(word != "v,i");
  }
}

TEST_CASE("every series is in the vocabulary, where it may stand") {
  const auto s = schema();
  const auto check = [&](Place place, Quantity quantity) {
    INFO(name_of(place) << '/' << name_of(quantity));
    const auto* known = Vocabulary::standard().find(name_of(quantity));
    if (known == nullptr) {
      CHECK(std::any_of(s.quantities.begin(), s.quantities.end(),
                        [&](const auto& own) { return own.name == name_of(quantity); }));
    } else {
      CHECK(Vocabulary::may_stand(*known, name_of(place)));
    }
  };
  for (const Place line : {Place::l1, Place::l2, Place::l3})
    for (const Quantity quantity :
         {Quantity::voltage, Quantity::current, Quantity::active_power, Quantity::reactive_power,
          Quantity::apparent_power, Quantity::power_factor, Quantity::frequency, Quantity::phase_angle,
          Quantity::energy_import, Quantity::energy_export})
      check(line, quantity);
  for (const Quantity quantity :
       {Quantity::voltage, Quantity::current_sum, Quantity::active_power, Quantity::reactive_power,
        Quantity::apparent_power, Quantity::power_factor, Quantity::energy_import, Quantity::energy_export,
        Quantity::operating_mode, Quantity::signal_strength, Quantity::sampling_rate, Quantity::clock_drift})
    check(Place::total, quantity);
  check(Place::relay, Quantity::relay_state);
  for (const char* attribute : {"model", "unit_name", "firmware_version", "firmware_build", "address", "wifi_ssid",
                                "wifi_bssid", "calibration"})
    CHECK(Vocabulary::standard().find_attribute(attribute) != nullptr);
}

TEST_CASE("chunk sizes are those of the sheet's table") {
  struct Row {
    std::int64_t rate;
    std::size_t tcp24, udp24, serial24, tcp8, udp8, serial8;
  };
  for (const Row& r :
       {Row{1, 24, 24, 120, 8, 8, 128}, Row{10, 24, 24, 120, 8, 8, 128}, Row{20, 48, 48, 120, 16, 16, 128},
        Row{25, 48, 48, 120, 32, 32, 128}, Row{50, 120, 120, 120, 64, 64, 128}, Row{100, 240, 240, 120, 128, 128, 128},
        Row{125, 504, 504, 120, 128, 128, 128}, Row{200, 504, 504, 120, 256, 256, 128},
        Row{250, 1008, 504, 120, 256, 256, 128}, Row{500, 1008, 504, 120, 512, 512, 128},
        Row{1000, 1008, 504, 120, 1024, 512, 128}, Row{32000, 1008, 504, 120, 1024, 512, 128}}) {
    INFO(r.rate);
    CHECK(chunk_bytes(Sink::tcp, r.rate, 24) == r.tcp24);
    CHECK(chunk_bytes(Sink::udp, r.rate, 24) == r.udp24);
    CHECK(chunk_bytes(Sink::serial, r.rate, 24) == r.serial24);
    CHECK(chunk_bytes(Sink::tcp, r.rate, 8) == r.tcp8);
    CHECK(chunk_bytes(Sink::udp, r.rate, 8) == r.udp8);
    CHECK(chunk_bytes(Sink::serial, r.rate, 8) == r.serial8);
  }
  CHECK(wave_rates().size() == 36);
}
