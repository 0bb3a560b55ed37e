// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// CT6, Axpert and SmartMeter: the real program against their virtual devices, and what goes wrong with them.
#include "house.hpp"
#include "virtual_device.hpp"

#include <support/broker.hpp>
#include <support/catch.hpp>

#include <fmt/format.h>
#include <mosquitto.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

using namespace mesura::test;

namespace {

/// A configuration in `dir` with these devices (or fleets) and a database.
void write_yaml(const TempDir& dir, const std::string& devices, const std::string& more = {}) {
  write_file(dir / "house.yaml",
             fmt::format("timezone: Europe/Brussels\nstate: {0}/state\n{1}sinks:\n  local: {{sqlite: "
                         "{{path: {0}/mesura.db}}, commit_interval: 100ms}}\n{2}",
                         dir.path().string(), devices, more));
}

std::unique_ptr<Process> start(const TempDir& dir, std::map<std::string, std::string> environment = {}) {
  Command command = program({"run", (dir / "house.yaml").string()});
  command.environment.insert(environment.begin(), environment.end());
  return std::make_unique<Process>(std::move(command));
}

auto more_than(long count) {
  return [count](const auto& rows) { return !rows.empty() && std::stol(rows[0][0]) > count; };
}
auto exactly(const std::string& text) {
  return [text](const auto& rows) { return !rows.empty() && rows[0][0] == text; };
}

/// Every stored value of a column was sent as such: compares the sets by value, in order.
void check_stored_was_sent(const TempDir& dir, const std::string& sql,
                           const std::vector<std::pair<std::string, std::string>>& sent, double factor = 1) {
  const auto stored = query(dir / "mesura.db", sql);
  REQUIRE(stored.size() > 2);
  REQUIRE(sent.size() >= stored.size());
  // The first stored value is found among those sent, the others follow it one by one.
  std::size_t at = 0;
  while (at < sent.size() && std::stod(sent[at].second) * factor != std::stod(stored[0][0])) ++at;
  REQUIRE(at + stored.size() <= sent.size());
  for (std::size_t i = 0; i < stored.size(); ++i) {
    INFO(i);
    CHECK(std::stod(stored[i][0]) == std::stod(sent[at + i].second) * factor);
  }
}

/// One message, by a client that has nothing of ours.
void publish(std::uint16_t port, const std::string& topic, const std::string& payload) {
  struct Free {
    void operator()(mosquitto* client) const { mosquitto_destroy(client); }
  };
  const std::unique_ptr<mosquitto, Free> client{mosquitto_new(nullptr, true, nullptr)};
  REQUIRE(mosquitto_connect(client.get(), "127.0.0.1", port, 60) == MOSQ_ERR_SUCCESS);
  REQUIRE(mosquitto_publish(client.get(), nullptr, topic.c_str(), static_cast<int>(payload.size()), payload.data(), 1,
                            false) == MOSQ_ERR_SUCCESS);
  for (int i = 0; i < 1000 && mosquitto_want_write(client.get()); ++i) mosquitto_loop(client.get(), 10, 1);
  for (int i = 0; i < 20; ++i) mosquitto_loop(client.get(), 10, 1);  // until the broker has confirmed it
}

}  // namespace

// ---------------------------------------------------------------- CT6

TEST_CASE("ct6: what the unit sent is what is stored, with signs turned and energy beside it") {
  const TempDir dir;
  const std::string log = (dir / "sent.jsonl").string();
  VirtualDevice unit{"ct6",
                     {"--listen", "127.3.0.1", "--unicast", "--data-port", "0", "--http-port", "0", "--profile",
                      "count", "--log", log},
                     2};
  const bool udp_first = unit.process().out().find("serving udp") < unit.process().out().find("serving tcp");
  write_yaml(dir,
             fmt::format("devices:\n  cupboard: {{plugin: ct6, transport: {{udp: {{{}}}}}, interval: 300ms, channels: "
                         "{{ct2: {{label: Roof, role: solar}}}}}}\n",
                         unit.host_and_port(udp_first ? 0 : 1)));
  auto run = start(dir);
  wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM cupboard WHERE ct1_active_power_w IS NOT NULL", more_than(5));
  CHECK(run->stop().code == 0);
  unit.process().stop();
  // The log has the plugin's signs (plus is import); for a solar channel plus is production.
  check_stored_was_sent(dir, "SELECT ct1_active_power_w FROM cupboard ORDER BY time",
                        sent_values(log, "ct6", "ct1", "active_power"));
  check_stored_was_sent(dir, "SELECT ct2_active_power_w FROM cupboard ORDER BY time",
                        sent_values(log, "ct6", "ct2", "active_power"), -1);
  const auto energy = query(dir / "mesura.db",
                            "SELECT max(ct1_active_energy_import_wh) + max(ct1_active_energy_export_wh) FROM cupboard");
  CHECK(std::stod(energy[0][0]) > 0);
  CHECK(query(dir / "mesura.db", "SELECT label, role FROM series WHERE channel = 'ct2' LIMIT 1")[0] ==
        std::vector<std::string>{"Roof", "solar"});
}

TEST_CASE("ct6: a fleet is found by broadcast, equal names get a number, an inactive unit and a reboot are said") {
  const TempDir dir;
  // An address range and a port of this test's own: others may search at the same time.
  const std::vector<std::string> place{"--data-port", "29377", "--broadcast-port", "29377", "--http-port", "29380"};
  auto options = [&](std::vector<std::string> more) {
    more.insert(more.end(), place.begin(), place.end());
    return more;
  };
  VirtualDevice twins{"ct6", options({"--listen", "127.3.1.1", "--count", "2", "--unit-name", "Shed"}), 6};
  VirtualDevice asleep{"ct6",
                       options({"--listen", "127.3.1.9", "--unit-name", "Asleep", "--active", "false", "--assy",
                                "ASY0398_V003.300_SN00009999"}),
                       3};
  write_yaml(dir,
             "fleets:\n  units:\n    plugin: ct6\n    transport: {udp: {broadcast: true, interfaces: [lo]}}\n"
             "    links: {http: {http: {host: 127.3.1.9, port: 29380}}}\n    interval: 300ms\n    stale_after: 2s\n"
             "    options: {udp_port: 29377, http_port: 29380, hosts: [127.3.1.9], discover_every: 1s}\n");
  auto run = start(dir);
  wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM devices", exactly("2"));
  const auto names = query(dir / "mesura.db", "SELECT name FROM devices ORDER BY name");
  CHECK(names == std::vector<std::vector<std::string>>{{"shed"}, {"shed_2"}});
  const std::string inactive = run->wait_for_line("inactive");
  CHECK_THAT(inactive, contains("127.3.1.9"));
  CHECK_THAT(twins.control("2 fault kind=power_cycle"), contains("\"done\""));
  run->wait_for_line([](const Line& l) { return l.text.find("dev-stale") != std::string::npos; });
  run->wait_for_line("live again");
  // Activated by its owner, it turns up by itself.
  CHECK_THAT(asleep.control("set name=active value=true"), contains("\"done\""));
  wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM devices", exactly("3"));
  CHECK(run->stop().code == 0);
  CHECK(run->count_lines("shed_2") > 0);
  CHECK_THAT(read_file(dir / "state" / "fleets" / "units.names"), contains("shed_2\t"));

  const std::string status_before = read_file(dir / "state" / "fleets" / "units.names");
  run = start(dir);
  run->wait_for_line("tra-open");
  const long seen = std::stol(query(dir / "mesura.db", "SELECT count(*) FROM units")[0][0]);
  wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM units", more_than(seen + 3));
  CHECK(run->stop().code == 0);
  CHECK(read_file(dir / "state" / "fleets" / "units.names") == status_before);
}

TEST_CASE(
    "ct6: a unit as it leaves the factory is inactive, unnamed and without a serial, and none of it is passed over") {
  const TempDir dir;
  VirtualDevice unit{
      "ct6",
      {"--listen", "127.3.7.1", "--unicast", "--data-port", "29378", "--http-port", "29382", "--factory-new"},
      2};
  write_yaml(dir,
             "fleets:\n  units:\n    plugin: ct6\n    transport: {udp: {listen: '127.0.0.1:0'}}\n"
             "    links: {http: {http: {host: 127.3.7.1, port: 29382}}}\n    interval: 300ms\n"
             "    options: {udp_port: 29378, http_port: 29382, hosts: [127.3.7.1], discover_every: 1h}\n");
  auto run = start(dir);
  const std::string inactive = run->wait_for_line("inactive");
  CHECK_THAT(inactive, contains("mesura device ct6://127.3.7.1 activate"));
  CHECK_THAT(unit.control("set name=active value=true"), contains("\"done\""));
  wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM units WHERE ct1_voltage_v IS NOT NULL", more_than(2));
  CHECK(run->stop().code == 0);
  CHECK(query(dir / "mesura.db", "SELECT name FROM devices")[0][0] == "unit_127_3_7_1");
  CHECK(run->count_lines("never calibrated") == 1);
}

TEST_CASE("ct6: over HTTP, and discover finds it where it is told to look") {
  VirtualDevice unit{
      "ct6",
      {"--listen", "127.3.2.1", "--unicast", "--data-port", "0", "--http-port", "29381", "--unit-name", "Cellar"},
      2};
  const auto probe =
      run_mesura({"probe", "ct6+http://127.3.2.1:29381", "--count", "1", "--format", "table", "--for", "20s"});
  CHECK(probe.code == 0);
  CHECK_THAT(probe.out, contains("ct6/ct1/active_power"));
  const auto found = run_mesura({"discover", "ct6", "--host", "127.3.2.1:29381", "--host", "127.3.2.2:29381", "--wait",
                                 "2s", "--format", "json"});
  CHECK(found.code == 0);
  CHECK_THAT(found.out, contains("\"address\":\"ct6+http://127.3.2.1:29381\""));
  CHECK_THAT(found.out, contains("Cellar"));
}

// ---------------------------------------------------------------- Axpert

TEST_CASE("axpert: over a pty that is unplugged and plugged in again, with refusals and stale replies between") {
  const TempDir dir;
  const std::string pty = (dir / "inverter").string();
  const std::string log = (dir / "sent.jsonl").string();
  VirtualDevice inverter{"axpert", {"--pty", pty, "--latency", "0s", "--latency-min", "0s", "--log", log}};
  write_yaml(dir, fmt::format("devices:\n  inverter: {{plugin: axpert, transport: {{serial: {{path: {}}}}}, interval: "
                              "1s}}\n",
                              pty));
  const std::string count = "SELECT count(*) FROM inverter WHERE ac_output_active_power_w IS NOT NULL";
  auto run = start(dir);
  wait_for_rows(dir / "mesura.db", count, more_than(1));
  CHECK_THAT(inverter.control("fault kind=stale_first count=2"), contains("\"done\""));
  CHECK_THAT(inverter.control("fault kind=nak_storm count=3"), contains("\"done\""));
  CHECK_THAT(inverter.control("fault kind=wrong_crc count=2"), contains("\"done\""));
  long seen = std::stol(query(dir / "mesura.db", count)[0][0]);
  wait_for_rows(dir / "mesura.db", count, more_than(seen + 2));
  inverter.kill();
  run->wait_for_line("tra-");
  inverter.start_again({"--serial", "92931701100510"});
  seen = std::stol(query(dir / "mesura.db", count)[0][0]);
  wait_for_rows(dir / "mesura.db", count, more_than(seen + 1));
  CHECK(run->stop().code == 0);
  CHECK(query(dir / "mesura.db", "SELECT count(*) FROM states WHERE text = 'line'")[0][0] != "0");
}

TEST_CASE("axpert: over HID, by inverter serial among several") {
  const TempDir dir;
  const std::string sockets = (dir / "hid").string();
  VirtualDevice inverters{"axpert", {"--hid", sockets, "--count", "2", "--serial", "92931701100510"}, 2};
  write_yaml(
      dir,
      "devices:\n"
      "  east: {plugin: axpert, transport: {hid: {}}, interval: 1s, options: {serial_number: '92931701100511'}}\n"
      "  west: {plugin: axpert, transport: {hid: {}}, interval: 1s, options: {serial_number: '92931701100510'}}\n");
  auto run =
      start(dir, {{"LD_LIBRARY_PATH", MESURA_FAKE_HIDAPI}, {"MESURA_HID_SOCKETS", sockets + ":" + sockets + "-1"}});
  for (const std::string device : {"east", "west"})
    wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM " + device + " WHERE ac_output_active_power_w IS NOT NULL",
                  more_than(1));
  const auto status = run_mesura({"status", "--config", (dir / "house.yaml").string(), "--format", "json"});
  const auto east = status.out.find("\"name\":\"east\"");
  const auto west = status.out.find("\"name\":\"west\"");
  REQUIRE(east != std::string::npos);
  REQUIRE(west != std::string::npos);
  CHECK_THAT(status.out.substr(east, west - east), contains("92931701100511"));
  CHECK_THAT(status.out.substr(west), contains("92931701100510"));
  CHECK(run->stop().code == 0);
}

// ---------------------------------------------------------------- SmartMeter

namespace {

/// All rows of a device's recorded segments in order, as floats.
std::vector<float> recorded(const std::filesystem::path& directory) {
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().extension() == ".f32") files.insert(entry.path());
  std::vector<float> values;
  for (const auto& file : files) {
    const std::string bytes = read_file(file);
    const std::size_t before = values.size();
    values.resize(before + bytes.size() / sizeof(float));
    std::memcpy(values.data() + before, bytes.data(), (bytes.size() / sizeof(float)) * sizeof(float));
  }
  return values;
}

}  // namespace

TEST_CASE("smartmeter: every row is recorded bit for bit, a lost packet is a gap of exactly its rows") {
  const TempDir dir;
  VirtualDevice meter{"smartmeter", {"--listen", "tcp:127.0.0.1:0", "--signal", "count", "--drop", "[5, 10-12]"}};
  write_yaml(
      dir,
      fmt::format("devices:\n  lab: {{plugin: smartmeter, transport: {{tcp: {{{}}}}}, options: {{rate: "
                  "8000}}}}\n",
                  meter.host_and_port()),
      fmt::format("  waves: {{recording: {{path: {}/waves}}, commit_interval: 100ms}}\nroutes:\n  - {{from: '*', to: "
                  "[local, waves]}}\n",
                  dir.path().string()));
  auto run = start(dir);
  wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM lab WHERE l1_voltage_v IS NOT NULL", more_than(2));
  CHECK(run->stop().code == 0);
  const auto values = recorded(dir / "waves" / "lab");
  REQUIRE(values.size() > 6 * 16'000);
  // Frames of 42 rows: number 5 (rows 210 to 251) and 10 to 12 (420 to 545) never came.
  std::uint64_t row = 0;
  for (std::size_t i = 0; i + 6 <= values.size(); i += 6, ++row) {
    if (row == 5 * 42) row = 6 * 42;
    if (row == 10 * 42) row = 13 * 42;
    for (std::size_t k = 0; k < 6; ++k) {
      if (values[i + k] == static_cast<float>((8 * row + k) % (1U << 24U))) continue;
      FAIL(fmt::format("row {} channel {}: {}", row, k, values[i + k]));
    }
  }
  std::string sidecars;
  for (const auto& entry : std::filesystem::directory_iterator(dir / "waves" / "lab"))
    if (entry.path().extension() == ".json") sidecars += read_file(entry.path());
  CHECK_THAT(sidecars, contains("42"));
  CHECK_THAT(sidecars, contains("126"));
}

TEST_CASE("smartmeter: devices dial in, each under its own name, and come back after a reboot") {
  const TempDir dir;
  write_yaml(dir,
             "fleets:\n  diallers:\n    plugin: smartmeter\n    transport: {tcp_listen: {listen: '127.0.0.1:29354'}}\n"
             "    stale_after: 5s\n    options: {rate: 1000}\n");
  auto run = start(dir);
  run->wait_for_line("tra-open");
  VirtualDevice meters{"smartmeter",
                       {"--listen", "127.3.4.1", "--command-port", "0", "--raw-port", "0", "--count", "3", "--dial",
                        "127.0.0.1:29354", "--redial", "200ms", "--reboot", "300ms"},
                       9};
  wait_for_rows(dir / "mesura.db", "SELECT count(DISTINCT name) FROM devices", exactly("3"));
  CHECK(query(dir / "mesura.db", "SELECT name FROM devices ORDER BY name")[0][0] == "smartmeter001");
  const std::string rows = "SELECT count(*) FROM diallers WHERE l1_voltage_v IS NOT NULL";
  wait_for_rows(dir / "mesura.db", rows, more_than(5));
  CHECK_THAT(meters.control("2 fault kind=reboot"), contains("\"done\""));
  const long seen = std::stol(query(dir / "mesura.db", rows)[0][0]);
  wait_for_rows(dir / "mesura.db", rows, more_than(seen + 9));
  CHECK(run->stop().code == 0);
  CHECK(query(dir / "mesura.db", "SELECT count(*) FROM devices")[0][0] == "3");
}

TEST_CASE("smartmeter: a clock that jumps leaves each row where it was counted, and no second twice") {
  const TempDir dir;
  VirtualDevice meter{"smartmeter", {"--listen", "tcp:127.0.0.1:0"}};
  write_yaml(dir, fmt::format("devices:\n  lab: {{plugin: smartmeter, transport: {{tcp: {{{}}}}}, options: {{rate: "
                              "1000}}}}\n",
                              meter.host_and_port()));
  auto run = start(dir);
  const std::string rows = "SELECT count(*) FROM lab WHERE l1_voltage_v IS NOT NULL";
  wait_for_rows(dir / "mesura.db", rows, more_than(1));
  CHECK_THAT(meter.control("fault kind=clock_jump value=-2s"), contains("\"done\""));
  const long seen = std::stol(query(dir / "mesura.db", rows)[0][0]);
  wait_for_rows(dir / "mesura.db", rows, more_than(seen + 2));
  CHECK(run->stop().code == 0);
  // The run counts on from its start: seconds follow one another whatever the device's clock says.
  const auto times = query(dir / "mesura.db", "SELECT time FROM lab WHERE l1_voltage_v IS NOT NULL ORDER BY time");
  for (std::size_t i = 1; i < times.size(); ++i)
    CHECK(std::stoll(times[i][0]) - std::stoll(times[i - 1][0]) == 1'000'000);
}

TEST_CASE("smartmeter: check refuses plain v,i with its two unambiguous replacements") {
  const TempDir dir;
  write_yaml(dir, "devices:\n  lab: {plugin: smartmeter, transport: {tcp: {host: lab}}, options: {measures: 'v,i'}}\n");
  const auto check = run_mesura({"check", (dir / "house.yaml").string()});
  CHECK(check.code == 2);
  CHECK_THAT(check.out, contains("v,i,v,i,v,i"));
  CHECK_THAT(check.out, contains("v,i_L1"));
}

// ---------------------------------------------------------------- MQTT

TEST_CASE("what units push to a broker is collected, before and after the broker's restart") {
  const TempDir dir;
  auto broker = std::make_unique<Broker>();
  const std::string place = fmt::format("127.0.0.1:{}", broker->port());
  VirtualDevice unit{"ct6",
                     {"--listen", "127.3.6.1", "--unicast", "--data-port", "0", "--http-port", "0", "--unit-name",
                      "Cellar", "--broker", place, "--mqtt-period", "300ms"},
                     2};
  VirtualDevice meter{"smartmeter", {"--listen", "tcp:127.0.0.1:0", "--broker", place, "--state-every", "300ms"}};
  const std::string mqtt = fmt::format("mqtt: {{host: 127.0.0.1, port: {}, topics: ", broker->port());
  write_yaml(dir, "fleets:\n  units: {plugin: ct6, transport: {" + mqtt + "['ct6/#']}}}\n" +
                      "  meters: {plugin: smartmeter, transport: {" + mqtt + "['powermeter/+/state/+']}}}\n" +
                      "devices:\n  grid: {plugin: dsmr_p1, transport: {" + mqtt + "[p1/raw]}}}\n");
  auto run = start(dir);
  wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM units WHERE ct1_active_power_w IS NOT NULL", more_than(2));
  wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM meters WHERE total_active_power_w IS NOT NULL", more_than(1));
  const auto names = query(dir / "mesura.db", "SELECT name FROM devices ORDER BY name");
  CHECK(names == std::vector<std::vector<std::string>>{{"cellar"}, {"smartmeter001"}});

  // A telegram in one message, as gateways send it.
  const std::string telegram = (dir / "telegram").string();
  REQUIRE(run_mesura({"simulate", "dsmr_p1", "--output", telegram, "--telegrams", "1"}).code == 0);
  publish(broker->port(), "p1/raw", read_file(telegram));
  wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM grid WHERE l1_voltage_v IS NOT NULL", more_than(0));

  const auto port = broker->port();
  broker->stop();
  run->wait_for_line("tra-vanished");
  broker = std::make_unique<Broker>("", port);
  const long seen = std::stol(query(dir / "mesura.db", "SELECT count(*) FROM units")[0][0]);
  wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM units", more_than(seen + 2));
  CHECK(run->stop().code == 0);
}

// ---------------------------------------------------------------- all of them

TEST_CASE("decode reads what each virtual device writes into a file, and says the same as its log") {
  const TempDir dir;
  struct Case {
    std::string plugin, channel, quantity;
    std::vector<std::string> simulate, decode;
  };
  const std::vector<Case> cases{
      {"ct6", "ct5", "active_power", {"--answers", "20", "--profile", "count"}, {}},
      {"axpert", "ac_output", "active_power", {"--replies", "20", "--profile", "count"}, {"--option", "command=QPIGS"}},
      {"dsmr_p1", "total", "active_power_import", {"--telegrams", "20", "--profile", "count"}, {}}};
  for (const auto& c : cases) {
    INFO(c.plugin);
    const std::string bytes = (dir / (c.plugin + ".bin")).string();
    const std::string log = (dir / (c.plugin + ".jsonl")).string();
    std::vector<std::string> simulate{"simulate", c.plugin, "--output", bytes, "--log", log};
    simulate.insert(simulate.end(), c.simulate.begin(), c.simulate.end());
    REQUIRE(run_mesura(simulate).code == 0);
    std::vector<std::string> decode{"decode", c.plugin, bytes};
    decode.insert(decode.end(), c.decode.begin(), c.decode.end());
    const auto decoded = run_mesura(decode);
    CHECK(decoded.code == 0);
    write_file(dir / "decoded.jsonl", decoded.out);
    const auto got = sent_values((dir / "decoded.jsonl").string(), c.plugin, c.channel, c.quantity);
    const auto truth = sent_values(log, c.plugin, c.channel, c.quantity);
    REQUIRE(got.size() == 20);
    REQUIRE(truth.size() == 20);
    for (std::size_t i = 0; i < got.size(); ++i)
      CHECK(std::abs(std::stod(got[i].second)) == std::abs(std::stod(truth[i].second)));
  }
}

TEST_CASE("a capture that a virtual device writes has the times of its clock") {
  const TempDir dir;
  for (const std::string plugin : {"ct6", "axpert"}) {
    INFO(plugin);
    const std::string capture = (dir / (plugin + ".mcap")).string();
    const std::string log = (dir / (plugin + ".jsonl")).string();
    REQUIRE(run_mesura({"simulate", plugin, "--capture", capture, "--log", log, "--start", "2026-10-25T00:59:00Z",
                        "--interval", "30s", plugin == "ct6" ? "--answers" : "--replies", "20"})
                .code == 0);
    const auto replayed = run_mesura({"replay", capture, "--plugin", plugin});
    CHECK(replayed.code == 0);
    write_file(dir / "replayed.jsonl", replayed.out);
    const std::string channel = plugin == "ct6" ? "ct5" : "ac_output";
    const auto got = sent_values((dir / "replayed.jsonl").string(), plugin, channel, "apparent_power");
    REQUIRE(got.size() == 20);
    CHECK(got == sent_values(log, plugin, channel, "apparent_power"));
  }
  const auto nowhere =
      run_mesura({"simulate", "ct6", "--capture", (dir / "none" / "x.mcap").string(), "--answers", "1"});
  CHECK(nowhere.code == 1);
  CHECK_THAT(nowhere.err, contains("can't be written"));
}

TEST_CASE("decode smartmeter prints a line per block, or with csv the rows") {
  const TempDir dir;
  const std::string bytes = (dir / "sm.bin").string();
  REQUIRE(
      run_mesura({"simulate", "smartmeter", "--output", bytes, "--rows", "210", "--signal", "count", "--drop", "[2]"})
          .code == 0);
  const std::vector<std::string> options{"--option", "measures=v,i,v,i,v,i", "--option", "rate=8000"};
  std::vector<std::string> arguments{"decode", "smartmeter", bytes};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const auto lines = run_mesura(arguments);
  CHECK_THAT(lines.out, contains("\"rate\":8000"));
  CHECK_THAT(lines.out, contains("\"rows\":42,\"packet\":3,\"gap\":42"));
  arguments.insert(arguments.end(), {"--format", "csv"});
  const auto csv = run_mesura(arguments);
  CHECK_THAT(csv.out, contains("time,row,v_l1 (V),i_l1 (mA)"));
  CHECK_THAT(csv.out, contains(",126,1008,1009,1010,1011,1012,1013\r\n"));
  CHECK(std::count(csv.out.begin(), csv.out.end(), '\n') == 1 + 168);
}

TEST_CASE("each virtual device tells what it believes while it runs") {
  const TempDir dir;
  VirtualDevice grid{"dsmr_p1", {"--listen", "tcp:127.0.0.1:0", "--profile", "constant:1600"}};
  CHECK_THAT(grid.control("get"), contains("\"power_w\":1600"));
  CHECK_THAT(grid.control("set name=truncate value=2"), contains("from 0 to 1"));
  CHECK_THAT(grid.control("set name=truncate value=1"), contains("\"done\""));
  CHECK_THAT(grid.control("get"), contains("\"truncate\":1"));
  VirtualDevice inverter{"axpert", {"--pty", (dir / "inverter").string()}};
  CHECK_THAT(inverter.control("set name=soc value=37"), contains("\"done\""));
  CHECK_THAT(inverter.control("get"), contains("37"));
  VirtualDevice meter{"smartmeter", {"--listen", "tcp:127.0.0.1:0"}};
  CHECK_THAT(meter.control("set name=name value=bench7"), contains("\"done\""));
  CHECK_THAT(meter.control("get"), contains("bench7"));
}

TEST_CASE("a wrong word to a running virtual device is answered and changes nothing") {
  VirtualDevice unit{"ct6", {"--listen", "127.3.5.1", "--unicast", "--data-port", "0", "--http-port", "0"}, 2};
  CHECK_THAT(unit.control("explode"), contains("\"refused\""));
  CHECK_THAT(unit.control("7 get"), contains("expected a unit from 1 to 1"));
  CHECK_THAT(unit.control("set name"), contains("expected NAME=VALUE"));
  CHECK_THAT(unit.control("set nam=x"), contains("\"refused\""));
  CHECK_THAT(unit.control("get"), contains("\"result\":{"));
}
