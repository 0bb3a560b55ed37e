// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Each command against the virtual meter: its line, its answer, and what becomes of it when something goes wrong.
#include <set>

#include "tests/command_rig.hpp"

using namespace smartmeter_test;
using mesura::test::contains;

namespace {

/// A command, what it says to the device, and what it changes.
struct Case {
  std::string name;
  PluginOptions arguments;
  std::string line;      ///< the one that matters, as the sheet has it
  bool changes = false;  ///< goes out through send_for
  std::string after;     ///< part of the result
  std::string model = "smartmeter";
};

PluginOptions none() { return {}; }

std::vector<Case> cases() {
  const auto text = [](std::string name, std::string value) {
    return PluginOptions{}.text(std::move(name), std::move(value));
  };
  PluginOptions factors;
  for (const auto& [name, value] : std::vector<std::pair<std::string, double>>{
           {"v1", 1.01}, {"i1", 0.99}, {"v2", 1.02}, {"i2", 0.98}, {"v3", 1.03}, {"i3", -0.97}})
    factors.number(name, value);
  return {
      {"info", none(), R"({"cmd":"info"})", false, R"("name":"smartmeter001")"},
      {"power", none(), R"({"cmd":"getPower"})", false, R"("l1_active_power":{"value":)"},
      {"voltage", none(), R"({"cmd":"getVoltage"})", false, R"("l3_voltage":{"value":)"},
      {"current", none(), R"({"cmd":"getCurrent"})", false, R"("unit":"A")"},
      {"energy", none(), R"({"cmd":"getEnergy"})", false, R"("total_active_energy_import")"},
      {"frequency", none(), R"({"cmd":"getPeriod"})", false, R"("l1_frequency":{"value":50,"unit":"Hz"})"},
      {"phase", none(), R"({"cmd":"getPhaseAngle"})", false, R"("l2_phase_angle")"},
      {"get_log", none(), R"({"cmd":"getLog"})", false, R"({"lines":[)"},
      {"time", none(), R"({"cmd":"info"})", false, R"("clock_offset":{"value":)"},
      {"ping", none(), "?", false, R"("answer":"Setup done")"},
      {"register_read", PluginOptions{}.text("address", "0x4C0").text("size", "32"),
       R"({"cmd":"ade9k","address":"0x04c0","size":32})", false, R"("value":0)"},
      {"sample", PluginOptions{}.integer("rate", 4000).text("measures", "v,i_L1"),
       R"({"cmd":"sample","payload":{"type":"TCP","rate":4000,"measures":"v,i_L1"}})", false, R"("samplingrate":4000)"},
      {"stop", none(), R"({"cmd":"stop"})", false, R"("stopped":false)"},
      {"cts", text("state", "on"), R"({"cmd":"cts","value":true})", false, "{}"},
      {"set_log_level", text("level", "debug"), R"({"cmd":"log","level":"debug"})", true, R"("after":"debug")"},
      {"clear_log", none(), R"({"cmd":"clearLog"})", true, R"("after":{"lines":0})"},
      {"set_name", text("name", "garage"), R"({"cmd":"mdns","payload":{"name":"garage"}})", true,
       R"({"before":"smartmeter001","after":"garage"})"},
      {"set_mqtt_server", text("server", "192.168.0.2"), R"({"cmd":"mqttServer","payload":{"server":"192.168.0.2"}})",
       true, R"({"before":"-","after":"192.168.0.2"})"},
      {"set_stream_server", text("server", "192.168.0.3"),
       R"({"cmd":"streamServer","payload":{"server":"192.168.0.3"}})", true, R"("after":"192.168.0.3")"},
      {"set_time_server", text("server", "pool.ntp.org"), R"({"cmd":"timeServer","payload":{"server":"pool.ntp.org"}})",
       true, R"({"before":"time.google.com","after":"pool.ntp.org"})"},
      {"add_wifi", PluginOptions{}.text("ssid", "lab").text("password", "s3cret"),
       R"({"cmd":"addWifi","payload":{"ssid":"lab","pwd":"s3cret"}})", true, R"("after":["energywifi","lab"])"},
      {"delete_wifi", PluginOptions{}.text("ssid", "energywifi").flag("connected", true),
       R"({"cmd":"delWifi","payload":{"ssid":"energywifi"}})", true, R"({"before":["energywifi"],"after":[]})"},
      {"sync_time", none(), R"({"cmd":"ntp"})", true, R"("before":null,"after":"03/02/2021)"},
      {"calibrate", factors, R"({"cmd":"calibration","cal":[1.01,0.99,1.02,0.98,1.03,-0.97]})", true,
       R"({"before":[1,1,1,1,1,1],"after":[1.01,0.99,1.02,0.98,1.03,-0.97]})"},
      {"reset_energy", PluginOptions{}.number("l1", 10149.5).number("l2", 5101.2).number("l3", 0),
       R"({"cmd":"resetEnergy","energy":[10149.5,5101.2,0]})", true, R"("after":[10149.5)"},
      {"daily_restart", text("time", "06:30"), R"({"cmd":"dailyRestart","hour":6,"minute":30})", true,
       R"({"before":"None","after":"@06:30:00"})"},
      {"restart", none(), R"({"cmd":"restart"})", true, R"("after":"smartmeter001")"},
      {"basic_reset", none(), R"({"cmd":"basicReset"})", true, R"("after":"smartmeter001")"},
      {"factory_reset", none(), R"({"cmd":"factoryReset"})", true, R"("after":"smartmeterX")"},
      {"register_write", PluginOptions{}.text("address", "1216").text("value", "0xab"),
       R"({"cmd":"ade9k","address":"0x04c0","size":16,"write":"0x00ab"})", true, R"({"before":0,"after":171})"},
      {"raw", text("line", R"({"cmd":"getPeriod"})"), R"({"cmd":"getPeriod"})", true, R"(\"period\":[50,50,50])"},
      {"switch", text("state", "off"), R"({"cmd":"switch","payload":{"value":0}})", true,
       R"({"before":true,"after":false})", "powermeter"},
      {"publish_interval", PluginOptions{}.duration("interval", 30s), R"({"cmd":"publishInterval","intv":30})", true,
       R"("after":null)", "powermeter"},
  };
}

PluginOptions meter(const Case& c, bool quirks = false) {
  return PluginOptions{}.text("type", c.model).text("signal", "sine").flag("quirks", quirks);
}
/// Nothing of the session's own but the greeting.
PluginOptions idle() { return PluginOptions{}.text("stream", "off").duration("interval", 1h); }

std::string wire(const std::string& line, Way way = Way::tcp) { return way == Way::mqtt ? line : line + "\r\n"; }

std::size_t count(const Lines& lines, const std::string& line) {
  return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), line));
}

std::string joined(const Lines& lines) {
  std::string out;
  for (const auto& line : lines) out += line + "|";
  return out;
}

bool is_good_end(const Case& c, std::uint32_t status) {
  return status == (c.name == "publish_interval" ? MESURA_REPLY_UNVERIFIED : MESURA_REPLY_DONE);
}

}  // namespace

TEST_CASE("every command of the schema is tried here") {
  std::set<std::string> tried = {"req_samples"};  // which needs a run: below
  for (const Case& c : cases()) tried.insert(c.name);
  for (const auto& spec : command_specs()) {
    INFO(spec.name);
    CHECK(tried.count(spec.name) == 1);
  }
  CHECK(tried.size() == command_specs().size());
}

TEST_CASE("each command over TCP: its very line, its result, with the firmware's mistakes and without") {
  for (const bool quirks : {false, true})
    for (const Case& c : cases()) {
      INFO(c.name << " quirks " << quirks);
      CommandBench bench(meter(c, quirks), idle());
      const Outcome got = bench.run(c.name, c.arguments);
      INFO(got.message << " " << got.json << " " << joined(bench.asked));
      CHECK(got.replies == 1);
      CHECK(is_good_end(c, got.status));
      CHECK(count(bench.asked, wire(c.line)) >= 1);
      CHECK(bench.tap().told == (c.changes ? Lines{wire(c.line)} : Lines{}));
      CHECK(bench.tap().forbidden == 0);
      CHECK_THAT(got.json, contains(c.after));
    }
}

TEST_CASE("each command over a connection that a device of a fleet has dialled in") {
  for (const Case& c : cases()) {
    INFO(c.name);
    PluginOptions options = idle();
    CommandBench bench(meter(c, true), options.text("key", "name"), Way::dial_in);
    const Outcome got = bench.run(c.name, c.arguments);
    INFO(got.message << " " << got.json << " " << joined(bench.asked));
    CHECK(got.replies == 1);
    const bool forgotten = c.name == "factory_reset";  // it comes back under another name: another device
    CHECK((forgotten ? got.status == MESURA_REPLY_UNVERIFIED : is_good_end(c, got.status)));
    CHECK(bench.tap().told == (c.changes ? Lines{wire(c.line)} : Lines{}));
    for (const auto& to : bench.tap().told_to) CHECK(to == "127.0.0.1:4000");
  }
}

TEST_CASE("each command over MQTT, where info may come and where it does not") {
  for (const bool quirks : {false, true})
    for (const Case& c : cases()) {
      INFO(c.name << " quirks " << quirks);
      PluginOptions options;
      options.text("type", c.model);
      CommandBench bench(meter(c, quirks), options, Way::mqtt);
      bench.advance(6s, 100ms);  // the device has published
      REQUIRE(bench.session().devices().size() == 2);
      const Outcome got = bench.run(c.name, c.arguments);
      INFO(got.status << got.message << " " << got.json << " " << joined(bench.asked));
      CHECK(got.replies == 1);
      for (const auto& to : bench.tap().told_to) CHECK_THAT(to, contains("powermeter/" + c.model + "001/cmd"));
      if (c.name == "ping" || c.name == "set_log_level" || c.name == "sample") {  // of rows too fast for messages
        CHECK(got.status == MESURA_REPLY_INVALID);
        CHECK(bench.asked.empty());
        continue;
      }
      if (c.changes) CHECK(bench.tap().told == Lines{c.line});
      const bool needs_info = c.name == "info" || c.name == "time";
      const bool long_answer = c.name == "get_log" || c.name == "power";
      if (quirks && (needs_info || long_answer)) {
        CHECK((got.status == MESURA_REPLY_TIMEOUT || got.status == MESURA_REPLY_DONE));
      } else {
        CHECK((got.status == MESURA_REPLY_DONE || got.status == MESURA_REPLY_UNVERIFIED));
      }
    }
}

TEST_CASE("a dry run plans the very bytes, and the device gets questions only") {
  for (const Case& c : cases()) {
    INFO(c.name);
    CommandBench bench(meter(c), idle());
    const Outcome got = bench.run(c.name, c.arguments, true);
    INFO(got.message << got.json << joined(bench.asked));
    CHECK(got.replies == 1);
    CHECK(bench.tap().told.empty());
    CHECK(bench.tap().planned == (c.changes ? Lines{wire(c.line)} : Lines{}));
    if (c.changes) {
      CHECK(got.status == MESURA_REPLY_PLAN);
      // A register is read with the same command as it is written.
      CHECK(count(bench.asked, wire(c.line)) == 0);
    }
  }
}

TEST_CASE("each command: the answer is lost") {
  for (const Case& c : cases()) {
    INFO(c.name);
    CommandBench bench(meter(c), idle());
    bench.swallow = [](const std::string&) { return true; };
    const Outcome got = bench.run(c.name, c.arguments);
    INFO(got.status << got.message << joined(bench.asked));
    CHECK(got.replies == 1);
    CHECK(got.status == MESURA_REPLY_TIMEOUT);
  }
}

TEST_CASE("each change: its own answer is lost, or only what would be read back") {
  for (const bool read_back : {false, true})
    for (const Case& c : cases()) {
      if (!c.changes) continue;
      INFO(c.name << " read back " << read_back);
      CommandBench bench(meter(c), idle());
      // From the very line on, or from the one behind it.
      bool told = false;
      bench.overheard = [&](const std::string& line) { told = told || line == wire(c.line); };
      bench.alter = [&](const std::string& said) {
        const bool answer = said.find("\"cmd\":\"" + c.line.substr(8, c.line.find('"', 8) - 8)) != std::string::npos;
        const bool question = said.find("\"cmd\":\"info\"") != std::string::npos ||
                              said.find("\"cmd\":\"log\",\"msg\":\"***") != std::string::npos;
        if (!told || c.name == "raw") return c.name == "raw" && answer ? std::string{} : said;
        if (read_back) return question ? std::string{} : said;
        return answer ? std::string{} : said;
      };
      const Outcome got = bench.run(c.name, c.arguments);
      INFO(got.message << got.json << joined(bench.asked));
      CHECK(got.replies == 1);
      CHECK(bench.tap().told == Lines{wire(c.line)});
      const bool leaves = c.name == "restart" || c.name == "basic_reset" || c.name == "factory_reset";
      if (c.name == "register_write") {
        // Both are answers of one command.
        CHECK((got.status == MESURA_REPLY_TIMEOUT || got.status == MESURA_REPLY_DONE));
      } else if (c.name == "raw" || !read_back) {
        CHECK((got.status == MESURA_REPLY_TIMEOUT || leaves));
      } else if (c.name == "set_log_level" || c.name == "sync_time") {
        CHECK(got.status == MESURA_REPLY_DONE);  // told by the answer itself
      } else if (leaves) {
        CHECK((got.status == MESURA_REPLY_TIMEOUT || got.status == MESURA_REPLY_UNVERIFIED));
      } else {
        CHECK(got.status == MESURA_REPLY_UNVERIFIED);
        CHECK_THAT(got.json, contains(R"("after":null)"));
      }
    }
}

TEST_CASE("each command: the device is gone half-way") {
  for (const Case& c : cases()) {
    INFO(c.name);
    CommandBench bench(meter(c), idle());
    bench.swallow = [&](const std::string&) { return true; };
    const std::uint64_t id = bench.begin(c.name, c.arguments);
    bench.advance(50ms);
    bench.cut(500s);
    const Outcome got = bench.finish(id);
    INFO(got.status << got.message << joined(bench.asked));
    CHECK(got.replies == 1);
    const bool leaves = c.name == "restart" || c.name == "basic_reset" || c.name == "factory_reset";
    if (leaves)
      CHECK((got.status == MESURA_REPLY_TIMEOUT || got.status == MESURA_REPLY_UNVERIFIED));
    else
      CHECK(got.status == MESURA_REPLY_UNREACHABLE);
  }
}

TEST_CASE("each command: a line can't be sent") {
  for (const Case& c : cases()) {
    INFO(c.name);
    CommandBench bench(meter(c), idle());
    bench.tap().deaf = true;
    const Outcome got = bench.run(c.name, c.arguments);
    CHECK(got.replies == 1);
    CHECK(got.status == MESURA_REPLY_UNREACHABLE);
    CHECK(bench.asked.empty());
  }
}

TEST_CASE("each command that needs an idle device: refused while somebody else measures, with the way out") {
  for (const Case& c : cases()) {
    const auto* spec = command_spec(c.name);
    const bool needs_idle =
        std::any_of(spec->arguments.begin(), spec->arguments.end(), [](const auto& a) { return a.name == "pause"; });
    if (!needs_idle) continue;
    INFO(c.name);
    CommandBench bench(meter(c), idle());
    bench.set("busy", "on");
    const Outcome got = bench.run(c.name, c.arguments);
    INFO(got.message);
    CHECK(got.status == MESURA_REPLY_REFUSED);
    CHECK_THAT(got.message, contains("stop"));
  }
}

TEST_CASE("each command: a device that does not know it says so") {
  for (const Case& c : cases()) {
    if (c.name == "ping" || c.name == "raw" || c.line == R"({"cmd":"info"})") continue;
    INFO(c.name);
    CommandBench bench(meter(c), idle());
    const std::string word = c.line.substr(8, c.line.find('"', 8) - 8);
    bench.alter = [&](const std::string& said) {
      // The firmware's own answer in place of whatever it was; restarts never answer otherwise.
      const bool answer = said.find("\"cmd\":\"" + word + "\"") != std::string::npos ||
                          said.find("\"cmd\":\"log\",\"msg\"") != std::string::npos;
      return answer ? info(R"({"error":true,"cmd":")" + word + R"(","msg":"unknown command"})") : said;
    };
    const std::uint64_t id = bench.begin(c.name, c.arguments);
    const bool leaves = c.name == "restart" || c.name == "basic_reset" || c.name == "factory_reset";
    if (leaves) {
      bench.swallow = [](const std::string&) { return true; };
      bench.advance(30ms);
      bench.session().bytes(info(R"({"error":true,"cmd":")" + word + R"(","msg":"unknown command"})"));
    }
    const Outcome got = bench.finish(id);
    INFO(got.message);
    CHECK(got.status == MESURA_REPLY_REFUSED);
    CHECK_THAT(got.message, contains("does not know"));
  }
}

TEST_CASE("each setting: read back differently") {
  const std::map<std::string, std::pair<std::string, std::string>> lies = {
      {"set_name", {R"("name":"garage")", R"("name":"barn")"}},
      {"set_mqtt_server", {R"("mqtt_server":"192.168.0.2","st)", R"("mqtt_server":"192.168.0.9","st)"}},
      {"set_stream_server", {R"("stream_server":"192.168.0.3","ti)", R"("stream_server":"-","ti)"}},
      {"set_time_server", {R"("time_server":"pool.ntp.org","sa)", R"("time_server":"time.google.com","sa)"}},
      {"add_wifi", {R"("ssids":"[energywifi, lab]")", R"("ssids":"[energywifi]")"}},
      {"delete_wifi", {R"("ssids":"[]")", R"("ssids":"[energywifi]")"}},
      {"calibrate", {R"("calibration":[1.01)", R"("calibration":[1.02)"}},
      {"reset_energy", {R"("energy":"[10149)", R"("energy":"[20149)"}},
      {"daily_restart", {R"("dailyReset":"@06:30:00")", R"("dailyReset":"@06:31:00")"}},
      {"switch", {R"("relay":false)", R"("relay":true)"}},
      {"register_write", {R"("regValue":171)", R"("regValue":170)"}},
      {"basic_reset", {R"("dailyReset":"None")", R"("dailyReset":"@01:00:00")"}},
      {"factory_reset", {R"("stream_server":"-")", R"("stream_server":"10.0.0.1")"}},
      {"set_log_level", {"Log Level set to: debug", "Log Level set to: error"}},
      {"clear_log", {"*** LOGFile *** //n", "*** LOGFile *** //nInfo:[W]a//nInfo:[W]b//nInfo:[E]c//nInfo:[W]d//n"}},
  };
  std::set<std::string> tried;
  for (const Case& c : cases()) {
    const auto lie = lies.find(c.name);
    if (lie == lies.end()) continue;
    INFO(c.name);
    tried.insert(c.name);
    CommandBench bench(meter(c), idle());
    bench.alter = [&](std::string said) {
      const std::size_t at = said.find(lie->second.first);
      // Of the reply of mdns nothing changes: only of info.
      if (at != std::string::npos) said.replace(at, lie->second.first.size(), lie->second.second);
      return said;
    };
    const Outcome got = bench.run(c.name, c.arguments);
    INFO(got.message << got.json);
    CHECK(got.replies == 1);
    CHECK(got.status == MESURA_REPLY_MISMATCH);
  }
  CHECK(tried.size() == lies.size());
}

TEST_CASE("refused values: nothing is sent") {
  struct Bad {
    std::string name;
    PluginOptions arguments;
    std::string says, model = "smartmeter";
  };
  PluginOptions seven;
  for (const char* name : {"v1", "i1", "v2", "i2", "v3", "i3"}) seven.number(name, 1);
  PluginOptions small = seven;
  small = PluginOptions{};
  for (const char* name : {"v1", "i1", "v2", "i2", "v3"}) small.number(name, 1);
  PluginOptions tiny = small;
  tiny.number("i3", 0.4);
  const std::string twenty(20, 'x');
  const Bad all[] = {
      {"set_name", PluginOptions{}.text("name", twenty), "19"},
      {"set_name", PluginOptions{}.text("name", "a/b"), "letters"},
      {"set_mqtt_server", PluginOptions{}.text("server", std::string(17, '1')), "16 bytes"},
      {"set_mqtt_server", PluginOptions{}.text("server", "10.0.0.1").text("user", "me"), "PowerMeter"},
      {"set_stream_server", PluginOptions{}.text("server", std::string(17, '1')), "16 bytes"},
      {"set_time_server", PluginOptions{}.text("server", std::string(25, 'a')), "24 bytes"},
      {"add_wifi", PluginOptions{}.text("ssid", twenty).text("password", ""), "SSID"},
      {"add_wifi", PluginOptions{}.text("ssid", "lab").text("password", twenty), "password"},
      {"add_wifi", PluginOptions{}.text("ssid", "a, b").text("password", ""), "comma"},
      {"delete_wifi", PluginOptions{}.text("ssid", twenty), "SSID"},
      {"calibrate", small, "six factors"},
      {"calibrate", tiny, "0.5 to 2"},
      {"calibrate", seven, "two factors", "powermeter"},
      {"reset_energy", PluginOptions{}.number("l1", 1), "each of the three lines"},
      {"reset_energy", PluginOptions{}.number("l1", 1).number("l2", 1), "one value", "powermeter"},
      {"daily_restart", PluginOptions{}.text("time", "24:00"), "HH:MM"},
      {"daily_restart", PluginOptions{}.text("time", "6:30"), "HH:MM"},
      {"switch", PluginOptions{}.text("state", "on"), "no relay"},
      {"publish_interval", none(), "every 5 s"},
      {"register_write", PluginOptions{}.text("address", "1").text("value", "70000"), "0xffff"},
      {"register_write", PluginOptions{}.text("address", "1").text("value", "0x"), "value"},
      {"register_read", PluginOptions{}.text("address", "0x10000"), "0xffff"},
      {"raw", PluginOptions{}.text("line", "a\r\nb"), "one line"},
      {"raw", PluginOptions{}.text("line", std::string(600, 'a')), "599"},
      {"set_log_level", PluginOptions{}.text("level", "error"), "debug or info"},
      {"sample", PluginOptions{}.integer("rate", 9000), "rate"},
      {"sample", PluginOptions{}.text("measures", "v,i,p,q"), "measures"},
      {"sample", PluginOptions{}.text("measures", "p,q").integer("rate", 100), "rate"},
      {"sample", PluginOptions{}.flag("prefix", false), "frames"},
      {"sample", PluginOptions{}.text("slot", "4/4"), "SLOT"},
      {"sample", PluginOptions{}.text("type", "MQTT").integer("rate", 8000), "50"},
      {"sample", PluginOptions{}.text("at", "tomorrow"), "instant"},
      {"sample", PluginOptions{}.text("at", "21s"), "20 s"},
      {"sample", PluginOptions{}.text("at", "2021-03-02T15:04:00.5Z"), "whole second"},
      {"sample", PluginOptions{}.text("at", "1614697400"), "from now"},
      {"sample", PluginOptions{}.text("at", "5s").text("measures", "v,i_RMS"), "waveforms"},
  };
  for (const Bad& bad : all) {
    INFO(bad.name << " " << bad.says);
    CommandBench bench(PluginOptions{}.text("type", bad.model), idle());
    const Outcome got = bench.run(bad.name, bad.arguments);
    INFO(got.message);
    CHECK(got.replies == 1);
    CHECK(got.status == MESURA_REPLY_INVALID);
    CHECK_THAT(got.message, contains(bad.says));
    CHECK(bench.asked.empty());
    CHECK(bench.tap().told.empty());
  }
}

TEST_CASE("what is in force already is not written") {
  const std::vector<std::pair<std::string, PluginOptions>> same = {
      {"set_name", PluginOptions{}.text("name", "smartmeter001")},
      {"set_mqtt_server", PluginOptions{}.text("server", "off")},
      {"set_time_server", PluginOptions{}.text("server", "time.google.com")},
      {"daily_restart", PluginOptions{}.text("time", "off")},
      {"delete_wifi", PluginOptions{}.text("ssid", "nowhere")},
      {"register_write", PluginOptions{}.text("address", "7").text("value", "0")}};
  for (const auto& [name, arguments] : same) {
    INFO(name);
    CommandBench bench({}, idle());
    const Outcome got = bench.run(name, arguments);
    CHECK(got.status == MESURA_REPLY_DONE);
    CHECK(got.message == "already in force");
    CHECK(bench.tap().told.empty());
  }
}
