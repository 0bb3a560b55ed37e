// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// `mesura device` and `mesura audit`: the real program against virtual inverters, directly and through the service.
#include "house.hpp"
#include "virtual_device.hpp"

#include <support/catch.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace mesura::test;

namespace {

/// Virtual inverters that answer at once, in a directory of their own.
struct Bench {
  TempDir dir;

  [[nodiscard]] std::string pty(const std::string& name = "inverter") const { return (dir / name).string(); }
  [[nodiscard]] std::string address(const std::string& name = "inverter") const { return "axpert+serial:" + pty(name); }
  [[nodiscard]] std::string config() const { return (dir / "house.yaml").string(); }
  [[nodiscard]] std::string audit_file() const { return read_file(dir / "state" / "audit.jsonl"); }

  [[nodiscard]] std::unique_ptr<VirtualDevice> inverter(const std::string& name = "inverter",
                                                        std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"--pty", pty(name), "--latency", "0s", "--latency-min", "0s"});
    return std::make_unique<VirtualDevice>("axpert", std::move(options));
  }
  void write(const std::string& devices) const {
    write_file(dir / "house.yaml",
               fmt::format("state: {0}/state\ndevices:\n{1}sinks: {{local: {{sqlite: {{path: {0}/mesura.db}}}}}}\n",
                           dir.path().string(), devices));
  }
  [[nodiscard]] std::string device(const std::string& name, const std::string& control = "true") const {
    return fmt::format("  {}: {{plugin: axpert, transport: {{serial: {{path: {}}}}}, interval: 1s, control: {}}}\n",
                       name, pty(name), control);
  }
  [[nodiscard]] std::unique_ptr<Process> service() const {
    auto service = std::make_unique<Process>(program({"run", config()}));
    for (;;) {
      // It listens before it opens a device.
      if (run_mesura({"status", "--config", config()}).code == 0) return service;
      if (!service->running()) throw std::runtime_error(service->err());
    }
  }
  [[nodiscard]] Command command(std::vector<std::string> words) const {
    words.insert(words.begin(), "device");
    if (std::filesystem::exists(config())) words.insert(words.begin() + 1, {"--config", config()});
    Command command = program(std::move(words));
    command.environment["XDG_STATE_HOME"] = (dir / "xdg").string();
    return command;
  }
  [[nodiscard]] Outcome ask(std::vector<std::string> words) const {
    const auto finished = run(command(std::move(words)));
    return {finished.exit.signal == 0 ? finished.exit.code : 128 + finished.exit.signal, finished.out, finished.err};
  }
};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

/// What the twin says of one of its settings.
std::string setting(VirtualDevice& twin, const std::string& name) {
  const std::string state = twin.control("get");
  const auto at = state.find("\"" + name + "\":");
  REQUIRE(at != std::string::npos);
  return state.substr(at + name.size() + 3, state.find_first_of(",}", at) - at - name.size() - 3);
}

}  // namespace

TEST_CASE("device: an address is read, changed and audited without any file") {
  const Bench bench;
  const auto twin = bench.inverter();
  const auto list = bench.ask({bench.address()});
  CHECK(list.code == 0);
  CHECK_THAT(list.out, contains("set_float_voltage VOLTAGE"));
  const auto help = bench.ask({bench.address(), "set-float-voltage", "--help"});
  CHECK(help.code == 0);
  CHECK_THAT(help.out, contains("QPIRI field 12"));
  CHECK_THAT(help.out, contains("required"));

  const auto ratings = bench.ask({bench.address(), "ratings", "--format", "json"});
  CHECK(ratings.code == 0);
  CHECK_THAT(ratings.out, contains("\"status\":\"done\""));
  CHECK(!std::filesystem::exists(bench.dir / "xdg"));

  const std::string before = setting(*twin, "float_voltage");
  const auto plan = bench.ask({bench.address(), "set_float_voltage", "52.5", "--dry-run"});
  CHECK(plan.code == 0);
  CHECK_THAT(plan.out, contains("50 42 46 54 35 32 2e 35"));  // PBFT52.5
  CHECK(setting(*twin, "float_voltage") == before);
  CHECK(!std::filesystem::exists(bench.dir / "xdg"));

  const auto change = bench.ask({"--format", "text", bench.address(), "set_float_voltage", "--voltage=52.5"});
  CHECK(change.code == 0);
  CHECK_THAT(change.out, contains(" -> 52.5 V"));
  CHECK(setting(*twin, "float_voltage") != before);
  const auto state = bench.dir / "xdg" / "mesura";
  CHECK((std::filesystem::status(state).permissions() & std::filesystem::perms::all) ==
        std::filesystem::perms::owner_all);
  const std::string audit = read_file(state / "audit.jsonl");
  CHECK(count(audit, "\"event\":\"write\"") == 1);
  CHECK(count(audit, "\"event\":\"result\"") == 1);
  CHECK_THAT(audit, contains("\"via\":\"direct\""));
  CHECK_THAT(audit, contains("PBFT52.5"));

  const auto shown = run_mesura({"audit", "--state", state.string()});
  CHECK(shown.code == 0);
  CHECK_THAT(shown.out, contains("set_float_voltage"));
}

TEST_CASE("device: what is wrong is said before anything is opened") {
  const Bench bench;  // no inverter: opening would fail, and take seconds
  const auto fails = [&](std::vector<std::string> words, const std::string& text) {
    const auto outcome = bench.ask(std::move(words));
    CHECK(outcome.code == 2);
    CHECK_THAT(outcome.err, contains(text));
    CHECK(outcome.out.empty());
  };
  fails({bench.address(), "set_float_voltage"}, "'voltage' is missing");
  fails({bench.address(), "set_float_voltage", "5000"}, "error[cmd-range]");
  fails({bench.address(), "set_float_voltage", "--volage", "52"}, "did you mean 'voltage'");
  fails({bench.address(), "set_flaot_voltage", "52"}, "did you mean 'set_float_voltage'");
  fails({bench.address(), "set_output_frequency", "50"}, "error[cmd-unconfirmed]");
  fails({bench.address(), "ratings", "now"}, "one argument too many");
  fails({bench.address(), "ratings", "--format", "xml"}, "expected text, table, json, raw");
  fails({"--timeout", "5", bench.address(), "ratings"}, "a duration with a unit");
  fails({"dsmr_p1+tcp://127.0.0.1:1"}, "there is nothing to command");
  write_file(bench.dir / "there", "old");
  fails({bench.address(), "ratings", "--output", (bench.dir / "there").string()}, "--overwrite");
  CHECK(read_file(bench.dir / "there") == "old");
}

TEST_CASE("device: through the service, which knows who asks, and keeps read-only devices as they are") {
  const Bench bench;
  const auto twin = bench.inverter("east");
  const auto still = bench.inverter("west");
  bench.write(bench.device("east") + bench.device("west", "false"));
  auto service = bench.service();

  const std::string before = setting(*twin, "float_voltage");
  CHECK(bench.ask({"east", "set_float_voltage", "52.5", "--dry-run"}).code == 0);
  CHECK(setting(*twin, "float_voltage") == before);
  const auto change = bench.ask({"east", "set_float_voltage", "52.5", "--format", "json"});
  CHECK(change.code == 0);
  CHECK_THAT(change.out, contains("\"after\":52.5"));
  CHECK(setting(*twin, "float_voltage") != before);
  CHECK_THAT(bench.audit_file(), contains("\"via\":\"cli\""));
  CHECK(!std::filesystem::exists(bench.dir / "xdg"));

  const std::string untouched = setting(*still, "float_voltage");
  const auto forbidden = bench.ask({"west", "set_float_voltage", "52.5"});
  CHECK(forbidden.code == 2);
  CHECK_THAT(forbidden.err, contains("error[cmd-forbidden]"));
  CHECK_THAT(forbidden.err, contains("control: true"));
  CHECK(setting(*still, "float_voltage") == untouched);

  // Outside the inverter's own range: the plugin knows it.
  const auto invalid = bench.ask({"east", "set_float_voltage", "65"});
  CHECK(invalid.code == 1);
  CHECK_THAT(invalid.err, contains("error[cmd-"));
  const auto several = bench.ask({"*st", "mode"});
  CHECK(several.code == 0);
  CHECK_THAT(several.out, contains("east    done"));
  CHECK_THAT(several.out, contains("west    done"));
  CHECK(bench.ask({"north", "mode"}).code == 2);
  CHECK(service->stop().code == 0);
}

TEST_CASE("device: several at once, one of them dead") {
  const Bench bench;
  const auto east = bench.inverter("east");
  auto west = bench.inverter("west");
  bench.write(bench.device("east") + bench.device("west") + bench.device("other"));
  west->kill();
  const auto outcome = bench.ask({"*st", "set_float_voltage", "52.5"});
  CHECK(outcome.code == 3);
  CHECK_THAT(outcome.out, contains("east    done"));
  CHECK_THAT(outcome.out, contains("west    unreachable"));
  CHECK(count(bench.audit_file(), "\"event\":\"write\"") == 1);
  const auto lines = bench.ask({"east,west", "mode", "--format", "json"});
  CHECK(lines.code == 3);
  CHECK(count(lines.out, "\n") == 2);
}

TEST_CASE("device: a command is called off by ^C, and by the end of the service") {
  const Bench bench;
  const auto twin = bench.inverter("east");
  bench.write(bench.device("east"));

  // The inverter says nothing any more: the command waits.
  const auto silent = [&] { CHECK_THAT(twin->control("fault kind=drop_reply count=1000"), contains("\"done\"")); };
  const auto lively = [&] { CHECK_THAT(twin->control("fault kind=none"), contains("\"done\"")); };
  silent();
  {
    Process direct{bench.command({"--progress", "json", "-v", "east", "set_float_voltage", "52.5"})};
    direct.wait_for_line("east");
    direct.signal(SIGINT);
    CHECK(direct.wait().code == 1);
    CHECK_THAT(direct.err(), contains("error[cmd-cancelled]"));
  }
  lively();
  auto service = bench.service();
  CHECK(bench.ask({"east", "mode"}).code == 0);
  silent();
  {
    Process asked{bench.command({"east", "ratings"})};
    // Nobody tells when the request has arrived; a second one waits behind it.
    const auto second = bench.ask({"--timeout", "500ms", "east", "mode"});
    CHECK(second.code == 1);
    CHECK_THAT(second.err, contains("error[cmd-timeout]"));
    asked.signal(SIGINT);
    CHECK(asked.wait().code == 1);
    CHECK_THAT(asked.err(), contains("called off"));
  }
  Process asked{bench.command({"east", "set_float_voltage", "53"})};
  CHECK(bench.ask({"--timeout", "500ms", "east", "mode"}).code == 1);
  service->signal(SIGKILL);
  CHECK(asked.wait().code == 1);
  CHECK_THAT(asked.err(), contains("the service went away"));
}

TEST_CASE("device: a CT6 and a SmartMeter by their addresses, and nothing is written by a dry run") {
  const Bench bench;
  const auto audit = [&] { return read_file(bench.dir / "xdg" / "mesura" / "audit.jsonl"); };
  SECTION("ct6") {
    VirtualDevice unit{"ct6", {"--listen", "127.3.11.1", "--unicast", "--data-port", "0", "--http-port", "29391"}, 2};
    const std::string address = "ct6+http://127.3.11.1:29391";
    CHECK(bench.ask({address, "set_unit_name", "Attic", "--dry-run"}).code == 0);
    CHECK(unit.control("get").find("Attic") == std::string::npos);
    const auto change = bench.ask({address, "set_unit_name", "Attic"});
    CHECK(change.code == 0);
    CHECK_THAT(change.out, contains("Attic"));
    CHECK_THAT(unit.control("get"), contains("Attic"));
    CHECK_THAT(bench.ask({address, "config", "--format", "json"}).out, contains("Attic"));
    CHECK_THAT(audit(), contains("\"command\":\"set_unit_name\""));
    const auto file = bench.dir / "machine.json";
    CHECK(bench.ask({address, "get_file", "/this.machine.cfg", "--output", file.string()}).code == 0);
    CHECK_THAT(read_file(file), contains("Attic"));
    CHECK(bench.ask({address, "defaults"}).code == 2);
  }
  SECTION("smartmeter") {
    VirtualDevice meter{"smartmeter", {"--listen", "tcp:127.0.0.1:0"}};
    const std::string address = "smartmeter://" + meter.address();
    CHECK(bench.ask({address, "info"}).code == 0);
    CHECK(bench.ask({address, "set_name", "smartmeter007", "--dry-run"}).code == 0);
    CHECK(meter.control("get").find("smartmeter007") == std::string::npos);
    CHECK(bench.ask({address, "set_name", "smartmeter007"}).code == 0);
    CHECK_THAT(meter.control("get"), contains("smartmeter007"));
    CHECK(count(audit(), "\"event\":\"write\"") >= 1);
    CHECK(bench.ask({address, "factory_reset"}).code == 2);
    const auto raw = bench.ask({address, "raw", "?", "--yes"});
    CHECK(raw.code == 2);
    CHECK_THAT(raw.err, contains("control: raw"));
    CHECK(bench.ask({"--allow-raw", address, "raw", "?", "--yes"}).code == 0);
  }
}

TEST_CASE("device: at a terminal, what is missing is asked for, and what is dangerous is confirmed") {
  const Bench bench;
  const auto twin = bench.inverter();
  // `script` gives the program a terminal.
  const auto typed = [&](const std::string& words, const std::string& lines) {
    Command command;
    command.argv = {"script", "-qec", fmt::format("{} device {} {}", MESURA_PROGRAM, bench.address(), words),
                    "/dev/null"};
    command.environment = bench.command({}).environment;
    command.interactive = true;
    Process process{std::move(command)};
    process.write(lines);
    const auto end = process.wait();
    return Outcome{end.code, process.out(), process.err()};
  };
  const auto asked = typed("set_float_voltage", "many\n999\n52.5\n");
  CHECK(asked.code == 0);
  CHECK(count(asked.out, "voltage: ") >= 3);
  CHECK_THAT(asked.out, contains("error[cmd-range]"));
  CHECK_THAT(asked.out, contains(" -> 52.5 V"));

  const std::string before = twin->control("get");
  const auto refused = typed("factory_defaults", "yes\n");
  CHECK(refused.code == 2);
  CHECK_THAT(refused.out, contains("Would be sent"));
  CHECK_THAT(refused.out, contains("not confirmed; nothing was sent"));
  const auto confirmed = typed("factory_defaults", "axpert\n");
  CHECK(confirmed.out.find("not confirmed") == std::string::npos);
  CHECK(confirmed.code == 0);
}

TEST_CASE("device: one that is unplugged in the middle") {
  const Bench bench;
  auto twin = bench.inverter();
  CHECK_THAT(twin->control("fault kind=drop_reply count=1000"), contains("\"done\""));
  Process asked{bench.command({"-v", bench.address(), "ratings"})};
  asked.wait_for_line("axpert");
  twin->kill();
  CHECK(asked.wait(std::chrono::seconds{60}).code == 1);
  CHECK_THAT(asked.err(), contains("error[cmd-"));
}
