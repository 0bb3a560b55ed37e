// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura doctor and mesura discover as programs.
#include "house.hpp"
#include "virtual_device.hpp"

#include <support/catch.hpp>
#include <support/free_port.hpp>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace mesura::test;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

/// A configuration with nothing wrong in it; `more` may add to it.
std::string house(const TempDir& dir, const std::string& devices, const std::string& sinks = {}) {
  const auto file = dir / "house.yaml";
  write_file(file, fmt::format("timezone: Europe/Brussels\nstate: {0}/state\nclock: {{sync: ignore}}\n"
                               "devices:\n{1}sinks:\n  local: {{sqlite: {{path: {0}/local.db}}}}\n{2}",
                               dir.path().string(), devices, sinks));
  return file.string();
}

Outcome doctor(const std::string& config, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"doctor", "--config", config});
  return run_mesura(more);
}

std::string device(const std::string& name, const std::string& transport) {
  return fmt::format("  {}: {{plugin: dsmr_p1, transport: {}}}\n", name, transport);
}

}  // namespace

TEST_CASE("doctor finds nothing wrong where nothing is, and says so") {
  const TempDir dir;
  const Meter meter{{"--dialect", "be"}};
  const auto config =
      house(dir, device("grid", fmt::format("{{tcp: {{host: {}, port: {}}}}}", meter.host(), meter.port())));
  const auto outcome = doctor(config, {"-v"});
  INFO(outcome.out << outcome.err);
  CHECK(outcome.code == 0);
  CHECK_THAT(outcome.out, contains("device grid: good[doc-host]: tcp 127.0.0.1:"));
  CHECK_THAT(outcome.out, contains("configuration: good[doc-configuration]: 1 devices, 1 sinks"));
  CHECK_THAT(outcome.out, contains("0 errors, 0 warnings"));
  const auto probed = doctor(config, {"--probe", "-v", "grid"});
  INFO(probed.out << probed.err);
  CHECK(probed.code == 0);
  CHECK_THAT(probed.out, contains("device grid: good[doc-device]") && contains("sends good frames"));
}

TEST_CASE("doctor tells every trouble with its remedy, as text and as JSON, and no password") {
  const TempDir dir;
  const int closed = free_port();
  const auto config =
      house(dir,
            device("grid", "{serial: {path: /dev/ttyUSB77}}") +
                device("bridge", fmt::format("{{tcp: {{host: 127.0.0.1, port: {}}}}}", closed)),
            fmt::format("  broker: {{mqtt: {{url: \"mqtt://127.0.0.1:{}\", username: u, password: s3cret-word}}}}\n"
                        "  files: {{csv: {{path: {}/house.yaml/csv}}}}\n",
                        closed, dir.path().string()));
  const auto text = doctor(config);
  INFO(text.out << text.err);
  CHECK(text.code == 1);
  CHECK_THAT(text.out, contains("device grid: error[doc-port-missing]: /dev/ttyUSB77 is not there\n  expected  "));
  CHECK_THAT(text.out, contains("device bridge: error[doc-host]: tcp 127.0.0.1:") &&
                           contains("  got       Connection refused\n  hint      nothing listens there"));
  CHECK_THAT(text.out, contains("sink broker: error[doc-broker]"));
  CHECK_THAT(text.out, contains("sink files: error[doc-place-access]"));
  CHECK(text.out.find("s3cret-word") == std::string::npos);
  const auto json = doctor(config, {"--format", "json"});
  CHECK(json.code == 1);
  CHECK_THAT(json.out, StartsWith("{\"findings\":[{\"severity\":\"error\"") && EndsWith("}\n"));
  CHECK_THAT(json.out, contains(R"("code":"doc-port-missing","where":"device grid")"));
  CHECK(json.out.find("s3cret-word") == std::string::npos);
  // Only one device.
  const auto one = doctor(config, {"bridge"});
  CHECK(one.code == 1);
  CHECK_THAT(one.out, contains("device bridge") && !contains("grid") && !contains("sink "));
}

TEST_CASE("doctor takes a configuration with mistakes for a finding, and wrong names for usage") {
  const TempDir dir;
  const auto file = dir / "bad.yaml";
  write_file(file, "timezone: Europe/Brussels\nstate: " + (dir / "state").string() + "\nintervall: 5s\n");
  const auto outcome = doctor(file.string());
  CHECK(outcome.code == 1);
  CHECK_THAT(outcome.out, contains(":3:1: error[cfg-unknown-key]"));
  CHECK(doctor(file.string(), {"grid"}).code == 2);
  CHECK(run_mesura({"doctor", "nonsense+tcp://x"}).code == 2);
  CHECK(run_mesura({"doctor", "--format", "xml"}).code == 2);
}

TEST_CASE("doctor names the process that has a port, and leaves the running service its own") {
  const TempDir dir;
  const VirtualDevice meter{"dsmr_p1", {"--pty", (dir / "port").string()}};
  const std::string port = std::filesystem::canonical(dir / "port").string();
  const auto config = house(dir, device("grid", "{serial: {path: " + port + "}}"));
  const auto opened = [](Process& process) { process.wait_for_line("open"); };
  {
    Process other{{{"sh", "-c", "exec 3<>" + port + "; echo open; read x"}, {}, {}, {}, true}};
    opened(other);
    const auto held = doctor(config);
    INFO(held.out);
    CHECK(held.code == 1);
    CHECK_THAT(held.out,
               contains("device grid: error[doc-port-held]") && contains(fmt::format("pid {} (sh)", other.pid())));
    const auto probe = doctor(config, {"--probe"});
    CHECK_THAT(probe.out, !contains("doc-device-silent"));  // not opened
  }
  Process service{program({"run", config})};
  const auto live = [&] {
    const auto out = run_mesura({"status", "--config", config, "--format", "json"}).out;
    return out.find("\"state\":\"live\"") != std::string::npos;
  };
  for (int i = 0; i < 100 && !live(); ++i) ::usleep(100'000);  // nobody tells when the first telegram is in
  const auto running = doctor(config, {"-v", "--probe"});
  INFO(running.out);
  CHECK(running.code == 0);
  CHECK_THAT(running.out, contains(fmt::format("a service runs here (pid {})", service.pid())) &&
                              contains("is open in the running service") && contains("device grid: good[doc-device]") &&
                              contains("note[doc-probe]: left out"));
  CHECK(service.stop().code == 0);
}

TEST_CASE("doctor finds the rate and the kind of what is on a silent port") {
  const TempDir dir;
  const VirtualDevice old{"dsmr_p1", {"--pty", (dir / "old").string() + "?baud=9600"}};
  const VirtualDevice inverter{"axpert", {"--pty", (dir / "inverter").string() + "?baud=2400"}};
  const VirtualDevice board{"smartmeter", {"--pty", (dir / "board").string() + "?baud=2000000"}};
  const auto config =
      house(dir, device("grid", "{serial: {path: " + (dir / "old").string() + ", baud: 115200}}") +
                     device("roof", "{serial: {path: " + (dir / "inverter").string() + ", baud: 115200}}") +
                     device("bench", "{serial: {path: " + (dir / "board").string() + ", baud: 115200}}"));
  const auto outcome = doctor(config, {"grid", "roof", "bench", "--probe", "--listen", "3s"});
  INFO(outcome.out << outcome.err);
  CHECK(outcome.code == 1);
  CHECK_THAT(outcome.out, contains("device grid: error[doc-port-rate]") && contains("baud: 9600, format: 7E1"));
  CHECK_THAT(outcome.out, contains("device roof: error[doc-port-other]: another device answers there: plugin axpert") &&
                              contains("plugin: axpert\n"));
  CHECK_THAT(outcome.out,
             contains("device bench: error[doc-port-other]: another device answers there: plugin smartmeter"));
}

TEST_CASE("discover prints what to configure") {
  const TempDir dir;
  const VirtualDevice meter{"smartmeter", {"--listen", "tcp:127.0.0.1:0"}};
  const auto found = run_mesura({"discover", "smartmeter", "--host", meter.address(), "--wait", "5s"});
  INFO(found.out << found.err);
  CHECK(found.code == 0);
  CHECK_THAT(found.out, contains("To configure them") && contains("devices:\n  # it answered\n") &&
                            contains("plugin: smartmeter\n    transport: {tcp: {host: 127.0.0.1, port: "));
  const auto json =
      run_mesura({"discover", "smartmeter", "--host", meter.address(), "--wait", "5s", "--format", "json"});
  CHECK_THAT(json.out, contains(R"("found_by":"host","answered":true)") && contains(R"("yaml":"devices:\n)"));
}

TEST_CASE("discover guesses what sits on a port, opens it only when asked and free, and then knows") {
  if (run({{"unshare", "--mount", "true"}}).exit.code != 0) {
    WARN("SKIPPED: `unshare --mount` is not permitted here, so no port can be made up");
    return;
  }
  const TempDir dir;
  const VirtualDevice meter{"dsmr_p1", {"--pty", (dir / "port").string()}};
  const std::string pty = std::filesystem::canonical(dir / "port").string();
  const std::string socket = (dir / "inverter").string();
  const VirtualDevice inverter{"axpert", {"--hid", socket}};
  // A /sys and /dev in which the pseudo-terminal is a USB adapter, and the socket an inverter.
  const auto mesura = [&](std::vector<std::string> arguments) {
    auto command = program({});
    command.argv = {"unshare",           "--mount", std::string{MESURA_SOURCE} + "/tests/e2e/made_up_port.sh",
                    dir.path().string(), pty,       socket,
                    MESURA_PROGRAM};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.directory = dir.path();
    command.environment["LD_LIBRARY_PATH"] = MESURA_FAKE_HIDAPI;
    command.environment["MESURA_HID_SOCKETS"] = "/dev/hidraw9";
    return run(std::move(command));
  };
  const auto discover = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"discover", "--no-mdns", "--wait", "500ms", "--listen", "3s"});
    const auto outcome = mesura(std::move(more));
    INFO(outcome.err);
    CHECK(outcome.exit.code == 0);
    return outcome.out;
  };
  const auto listed = discover({});
  CHECK_THAT(listed, contains("dsmr_p1?") && contains("# a guess: an FTDI chip"));
  CHECK_THAT(listed, contains("transport: {serial: {path: /dev/ttyUSB9}}") && !contains("answers"));
  const auto probed = discover({"--probe"});
  CHECK_THAT(probed, contains("answers as dsmr_p1") && contains("# it answered"));
  CHECK_THAT(probed, contains("transport: {serial: {path: /dev/ttyUSB9, baud: 115200}}"));
  CHECK_THAT(listed, contains("# likely: the USB chip of Voltronic inverters"));
  CHECK_THAT(probed, contains("answers as axpert") && contains("transport: {hid: {path: /dev/hidraw9}}"));
  const auto json = discover({"--probe", "--format", "json"});
  CHECK_THAT(json, contains(R"("probe":{"result":"answers as dsmr_p1","plugin":"dsmr_p1")") &&
                       contains(R"("trust":"possible")"));
  // Without a configuration the doctor looks at such ports, too.
  CHECK_THAT(mesura({"doctor", "-v"}).out, contains("port /dev/ttyUSB9: good[doc-port]"));
  Process other{{{"sh", "-c", "exec 3<>" + pty + "; echo open; read x"}, {}, {}, {}, true}};
  other.wait_for_line("open");
  CHECK_THAT(discover({"--probe"}),
             contains(fmt::format("in use by pid {} (sh)", other.pid())) && contains("not opened: in use"));
}

TEST_CASE("discover hears what devices announce through Avahi") {
  if (run({{"unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "true"}}).exit.code != 0) {
    WARN("SKIPPED: `unshare --net --mount --pid` is not permitted here, so there is no network for an Avahi daemon");
    return;
  }
  if (run({{"sh", "-c", "PATH=$PATH:/usr/sbin:/sbin; command -v avahi-daemon dbus-daemon ip"}}).exit.code != 0) {
    WARN("SKIPPED: avahi-daemon, dbus-daemon and ip are not all installed (`./dev setup test`)");
    return;
  }
  const TempDir dir;
  const std::string script = std::string{MESURA_SOURCE} + "/tests/e2e/announced_services.sh";
  // One that announces itself and answers, at the plugin's own port.
  const std::string inside = fmt::format(
      "exec 4< <(exec {0} simulate smartmeter --listen tcp:10.77.0.1:54321 </dev/null 2>&1)\n"
      "read -r line <&4\n{0} discover --no-ports --wait 4s --format json\n{0} discover --no-ports --wait 4s",
      MESURA_PROGRAM);
  auto command = program({});
  command.argv = {"unshare",      "--net", "--mount",           "--pid", "--fork", "--kill-child",
                  "--mount-proc", script,  dir.path().string(), "bash",  "-c",     inside};
  Process process{std::move(command)};
  const Exit end = process.wait(std::chrono::seconds{120});
  const std::string out = process.out();
  INFO(out << process.err());
  CHECK(end.code == 0);
  CHECK_THAT(out, contains(R"({"plugin":"smartmeter","address":"smartmeter://)"));
  CHECK_THAT(out, contains(R"("found_by":"mdns","answered":true)"));
  CHECK_THAT(out, contains(R"("plugin":"dsmr_p1","address":"dsmr_p1+tcp://)") &&
                      contains(R"("found_by":"mdns","answered":false)"));
  CHECK_THAT(out, contains(R"("type":"_mqtt._tcp","name":"broker")"));
  CHECK_THAT(out, !contains("printer"));
  CHECK_THAT(out, contains("  broker: {mqtt: {url: \"mqtt://"));
}

TEST_CASE("discover without an Avahi daemon says so in one line and goes on") {
  auto command = program({"discover", "smartmeter", "--wait", "1s", "--format", "json"});
  command.environment["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent/bus";
  const auto outcome = run(std::move(command));
  CHECK_THAT(outcome.err, contains("mDNS is left out: "));
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  CHECK_THAT(outcome.out, contains("\"mdns_problem\":"));
}
