// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands that only ask, against the virtual inverter.
#include <set>

#include "command_fields.hpp"
#include "command_rig.hpp"
#include "read_commands.hpp"
#include "sheet.hpp"
#include "table.hpp"

using namespace rig;
using mesura::test::contains;

namespace {

struct Case {
  std::string name;
  std::string model;
  Words words;
  std::vector<std::string> asks;  ///< as they stand on the wire, without CRC
  std::string tells;              ///< part of the JSON
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"status", "pi30", {}, {"QPIGS"}, "\"battery/voltage\":{\"value\":"},
      {"status", "pi30max", {}, {"QPIGS", "QPIGS2"}, "\"pv2/active_power\":{\"value\":"},
      {"status", "pi18", {}, {"^P005GS"}, "\"ac_output/active_power\":{\"value\":500,\"unit\":\"W\"}"},
      {"mode", "pi30", {}, {"QMOD"}, "{\"total/operating_mode\":\"line\"}"},
      {"mode", "pi18", {}, {"^P006MOD"}, "{\"total/operating_mode\":\"hybrid\"}"},
      {"ratings", "pi30", {}, {"QPIRI"}, "\"battery/float_voltage\":{\"value\":54,\"unit\":\"V\"}"},
      {"ratings", "pi18", {}, {"^P007PIRI"}, "\"battery/float_voltage\":{\"value\":54,\"unit\":\"V\"}"},
      {"flags", "pi30", {}, {"QFLAG"}, "\"total/buzzer_enabled\":1"},
      {"flags", "pi18", {}, {"^P007FLAG"}, "\"total/buzzer_enabled\":1"},
      {"warnings", "pi30", {}, {"QPIWS"}, "\"total/warnings\":"},
      {"warnings", "pi18", {}, {"^P006FWS"}, "\"total/fault_code\":0"},
      {"defaults", "pi30max", {}, {"QDI"}, "\"battery/default_float_voltage\":{\"value\":54,\"unit\":\"V\"}"},
      {"defaults", "pi18", {}, {"^P005DI"}, "\"battery/default_float_voltage\":{\"value\":54,\"unit\":\"V\"}"},
      {"identify", "pi30max", {}, {"QPI", "QID", "QSID", "QMN", "QGMN", "QVFW"}, "\"model\":\"MKS2-8000\""},
      {"identify", "pi18", {}, {"^P005PI", "^P005ID", "^P006VFW"}, "\"serial\":\"92931701100510\""},
      {"firmware", "pi30-duo", {}, {"QVFW", "QVFW2", "QVFW3", "QVFW4"}, "\"firmware_version\":\"00072.70\""},
      {"parallel", "pi30", {}, {"QPGS0"}, "\"unit0_battery/max_charge_current\":{\"value\":60,\"unit\":\"A\"}"},
      {"energy", "pi30max", {}, {"QET", "QLT"}, "\"pv/active_energy_export\":{\"value\":"},
      {"energy", "pi30max", {{"period", "day"}, {"date", "2025-12-30"}}, {"QED20251230", "QLD20251230"}, "_day\":{"},
      {"energy", "pi30max", {{"period", "month"}}, {"QT", "QEM202601", "QLM202601"}, "_export_month\":{\"value\":"},
      {"energy", "pi18", {{"period", "year"}}, {"^P004T", "^P009EY2026"}, "_export_year\":{\"value\":"},
      {"time", "pi30max", {}, {"QT"}, "\"total/device_time\":{\"value\":"},
      {"equalization", "pi30max", {}, {"QBEQI"}, "\"battery/equalisation_voltage\":{\"value\":58.4,\"unit\":\"V\"}"},
      {"charge_currents", "pi30", {}, {"QMCHGCR", "QMUCHGCR"}, "\"ac_charger/allowed_charge_currents\":\"002 010"},
      {"charge_currents", "pi30-duo", {}, {"QMCHGCR", "QMUCHGCR", "QMSCHGCR"}, "\"pv/allowed_charge_currents\":"},
      {"charge_currents", "pi18", {}, {"^P009MCHGCR", "^P010MUCHGCR"}, "\"battery/allowed_charge_currents\":"},
      {"batteries", "pi30max", {}, {"QBMS"}, "\"bms/state_of_charge\":{\"value\":80,\"unit\":\"%\"}"},
      {"charging", "pi30-duo", {}, {"QCST", "QCVT"}, "\"battery/charge_stages\":\"auto\""},
      {"charging", "pi30", {}, {"Q1"}, "\"scc1/temperature\":{\"value\":"},
      {"schedules", "pi30max", {}, {"QOPPT", "QCHPT"}, "\"ac_output/output_priority_schedule\":"},
      {"output_mode", "pi30", {}, {"QOPM"}, "{\"ac_output/output_mode\":\"single\"}"},
      {"led", "pi30max", {}, {"QLED"}, "\"led/led_effect\":\"solid\""},
      {"query", "pi30", {{"command", "QMOD"}}, {"QMOD"}, "{\"total/operating_mode\":\"line\"}"},
      {"query", "pi30max", {{"command", "QED"}, {"date", "20251230"}}, {"QED20251230"}, "_day\":{"},
      {"query", "pi18", {{"command", "ID"}}, {"^P005ID"}, "{\"serial\":\"92931701100510\"}"},
  };
  return all;
}

/// Ready, and nothing under way.
void settle(Rig& r) {
  r.run(6s, 50ms);
  r.requests.clear();
}

std::string command_of(const std::string& request) { return request.substr(0, request.size() - 3); }

}  // namespace

TEST_CASE("commands, read: each asks what it says, and tells it by the tables' names") {
  for (const Case& c : cases()) {
    INFO(c.name << " " << c.model);
    Rig r = Rig::of(c.model);
    settle(r);
    const std::uint64_t id = r.ask(c.name, c.words);
    const Reply reply = r.wait(id);
    INFO(reply.message << " " << reply.json);
    CHECK(reply.status == MESURA_REPLY_DONE);
    CHECK_THAT(reply.json, contains(c.tells));
    REQUIRE(r.requests.size() >= c.asks.size());
    for (std::size_t i = 0; i < c.asks.size(); ++i) CHECK(command_of(r.requests[i]) == c.asks[i]);
    CHECK(reply.bytes.ends_with('\r'));
    CHECK(r.written(id).empty());
    CHECK(r.replies.size() == 1);
  }
}

TEST_CASE("commands, read: none of the schema is left out") {
  std::set<std::string> seen, known;
  for (const Case& c : cases()) seen.insert(c.name);
  for (const auto& c : schema().commands)
    if (c.danger == mesura::config::Danger::read) known.insert(c.name);
  CHECK(seen == known);
}

TEST_CASE("commands, read: a dry run asks nothing") {
  for (const Case& c : cases()) {
    Rig r = Rig::of(c.model);
    settle(r);
    const Reply reply = r.command(c.name, c.words, true);
    INFO(c.name);
    CHECK(reply.status == MESURA_REPLY_PLAN);
    CHECK(r.requests.empty());
  }
}

TEST_CASE("commands, read: refused, unanswered, gone") {
  for (const Case& c : cases()) {
    INFO(c.name << " " << c.model);
    {
      Rig r = Rig::of(c.model);
      settle(r);
      r.fault("nak_storm", 40);
      CHECK(r.command(c.name, c.words).status == MESURA_REPLY_REFUSED);
    }
    {
      Rig r = Rig::of(c.model);
      settle(r);
      r.fault("drop_reply", 3);
      const Reply reply = r.command(c.name, c.words);
      CHECK(reply.status == MESURA_REPLY_TIMEOUT);
      CHECK_THAT(reply.message, contains("no reply"));
    }
    {
      Rig r = Rig::of(c.model);
      settle(r);
      r.fault("drop_reply", 1);
      CHECK(r.command(c.name, c.words).status == MESURA_REPLY_DONE);
    }
    Rig r = Rig::of(c.model);
    settle(r);
    r.fault("disconnect");
    CHECK(r.command(c.name, c.words).status == MESURA_REPLY_UNREACHABLE);
    CHECK(r.replies.size() == 1);
  }
}

TEST_CASE("commands, read: what a dialect does not have is said, with those that have it") {
  const auto refused = [](const std::string& model, const std::string& name, const Words& words) {
    Rig r = Rig::of(model);
    settle(r);
    const Reply reply = r.command(name, words);
    CHECK(reply.status == MESURA_REPLY_INVALID);
    CHECK(r.requests.empty());
    return reply.message;
  };
  CHECK_THAT(refused("pi30", "led", {}), contains("pi30max"));
  CHECK_THAT(refused("pi18", "batteries", {}), contains("pi30max"));
  CHECK_THAT(refused("pi18", "query", {{"command", "QPIGS"}}), contains("pi30"));
  CHECK_THAT(refused("pi30", "query", {{"command", "GS"}}), contains("pi18"));
  CHECK_THAT(refused("pi30max", "energy", {{"period", "day"}, {"date", "2025"}}), contains("YYYY-MM-DD"));
  CHECK_THAT(refused("pi30max", "energy", {{"period", "day"}, {"date", "today"}}), contains("today"));
  CHECK_THAT(refused("pi30max", "query", {{"command", "QMOD"}, {"date", "2025"}}), contains("takes none"));
}

TEST_CASE("commands, read: every query of the closed list is one of some dialect, and every query is in the list") {
  using namespace mesura::axpert;
  const auto& values = spec("query").arguments.at(0).schema.values;
  for (const std::string& value : values) {
    INFO(value);
    bool known = false;
    for (int d = 0; d < kDialects; ++d)
      known = known || is_known(value, static_cast<Dialect>(d)) || is_known(value + "@", static_cast<Dialect>(d));
    CHECK(known);
  }
  any_layout([&](const Layout& l) {
    std::string name{l.command};
    if (name.ends_with('#')) name.back() = '0';
    if (name.ends_with('@')) name.pop_back();
    INFO(name);
    CHECK(std::count(values.begin(), values.end(), name) == 1);
    return false;
  });
}

TEST_CASE("commands, read: a unit of several") {
  Rig r = Rig::of("pi30max", false, {{"units", "3"}});
  settle(r);
  const Reply two = r.command("parallel", {{"unit", "2"}});
  CHECK(two.status == MESURA_REPLY_DONE);
  CHECK_THAT(two.json, contains("\"unit2_serial\":\"92931701100512\""));
  const Reply nine = r.command("parallel", {{"unit", "9"}});
  CHECK_THAT(nine.json + nine.message, !contains("unit9_serial"));
}

TEST_CASE("commands, read: an answer of the sheet, over HID, with its bytes") {
  Rig r = Rig::of("pi30max", true);
  r.set("reply:QBMS", "0 100 0 0 1 532 532 450 0000 0030");
  const Reply reply = r.command("batteries");
  CHECK(reply.status == MESURA_REPLY_DONE);
  CHECK(reply.bytes == sheet::reply("(0 100 0 0 1 532 532 450 0000 0030", "0E 5E"));
  CHECK_THAT(reply.json, contains("\"bms/bulk_voltage\":{\"value\":53.2,\"unit\":\"V\"}"));
}
