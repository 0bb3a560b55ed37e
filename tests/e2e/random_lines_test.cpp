// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Whatever is typed behind `mesura device NAME`: no crash, no byte on the wire that the schema does not allow, an
// audit line for every write that went out. The plugins are the real ones, the devices their twins, the wire and the
// clock the test's.
#include "house.hpp"
#include "memory_wire.hpp"
#include "virtual_device.hpp"

#include "command/arguments.hpp"
#include "command/audit_reader.hpp"
#include "config/reader.hpp"
#include "plugin/loader.hpp"
#include "session/device.hpp"
#include "session/twin.hpp"

#include <fmt/format.h>
#include <support/catch.hpp>
#include <support/random_arguments.hpp>
#include <support/temp_dir.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

using namespace mesura;
using namespace mesura::test;
using namespace std::chrono_literals;

namespace {

const plugin::PluginSet& plugins() {
  static const std::vector<plugin::SearchDirectory> directories{{MESURA_PLUGINS, "test", true}};
  static const auto set = plugin::PluginSet::scan(directories);
  return set;
}

std::uint64_t seed() {
  const char* given = std::getenv("MESURA_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20'261'122;
}

/// An inverter and the device that speaks to it.
class Bench {
 public:
  explicit Bench(const plugin::LoadedPlugin& plugin)
      : log_(std::make_shared<runtime::Log>()), audit_(command::open_audit_log(dir_.path(), clock_)) {
    session::Twin::Setup twin;
    twin.plugin = &plugin;
    twin.session.device = plugin.name;
    // The wire has no gaps between bytes to wait for.
    const auto options =
        config::read_pairs({{"latency", "0s"}, {"latency_min", "0s"}}, config::object(plugin.virtual_schema->options));
    REQUIRE(options.ok());
    twin.session.options = options.value;
    twin.session.links = {{"pty", "memory"}, {"", ""}};
    twin.session.links.resize(plugin.virtual_schema->links.size());
    twin.serve = {[this] { return wire_.end(loop_, 1); }};
    twin.serve.resize(plugin.virtual_schema->links.size());
    twin_ = std::make_unique<session::Twin>(loop_, runtime::Logger{log_, "twin"}, series_, std::move(twin));

    session::Device::Setup setup;
    setup.name = "inverter";
    setup.plugin = &plugin;
    setup.links.emplace(plugin.schema.links.front().name,
                        session::Device::Setup::Link{"serial", [this] { return wire_.end(loop_, 0); }});
    const auto own = config::read_pairs({}, config::object(plugin.schema.options));
    REQUIRE(own.ok());
    setup.options = own.value;
    setup.control = command::Control::on;
    setup.audit = audit_;
    device_ = std::make_unique<session::Device>(
        session::Device::Context{loop_, log_, series_, [](const std::shared_ptr<Batch>&, bool) {}}, std::move(setup));
    device_->start();
    settle();
  }
  ~Bench() { device_->stop(); }

  /// Runs a command to its end.
  command::Result ask(const config::CommandSpec& spec, const config::Value& arguments, bool dry_run, bool confirmed) {
    std::optional<command::Result> result;
    command::Request request{spec.name, arguments, dry_run, confirmed, {"anna", "direct", {}}};
    device_->submit("inverter", std::move(request), [&](const command::Result& r) { result = r; });
    settle();
    for (int i = 0; !result && i < 1000; ++i) {
      clock_.advance(100'000'000);
      settle();
    }
    REQUIRE(result);
    return *result;
  }
  /// What the device's end has sent since the last call.
  std::vector<std::string> sent() { return std::exchange(wire_.sent, {}); }
  [[nodiscard]] std::filesystem::path audit_file() const { return dir_.path() / "audit.jsonl"; }
  /// A spacing is over.
  void rest() {
    clock_.advance(6'000'000'000);
    settle();
  }

 private:
  void settle() {
    while (loop_.run_once(0ns)) {
    }
  }

  TempDir dir_;
  runtime::ManualClock clock_;
  runtime::EventLoop loop_{clock_};
  std::shared_ptr<runtime::Log> log_;
  std::shared_ptr<command::AuditLog> audit_;
  SeriesTable series_;
  MemoryWire wire_;
  std::unique_ptr<session::Twin> twin_;
  std::unique_ptr<session::Device> device_;
};

/// Words for a command; sometimes of another one, sometimes garbage. No files: those are not the schema's matter.
std::vector<std::string> line_for(RandomArguments& random, const config::CommandSpec& spec) {
  std::vector<std::string> words;
  if (random.chance(5)) {
    for (std::size_t n = random.below(4); n > 0; --n) words.push_back(random.garbage(30));
  } else {
    words = random.words(spec);
  }
  for (auto& word : words) {
    std::erase(word, '\0');
    if (word == "-" || word.find("=-") != std::string::npos) word = "x";  // standard input is not ours to read
  }
  return words;
}

std::string shown(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += " '" + command::printable(word) + "'";
  return text;
}

}  // namespace

TEST_CASE("random command lines of the real program end by themselves, and a dry run changes nothing") {
  const auto* plugin = plugins().find("axpert");
  REQUIRE(plugin != nullptr);
  RandomArguments random{seed()};
  INFO("MESURA_TEST_SEED=" << seed());
  const TempDir dir;
  VirtualDevice twin{"axpert", {"--pty", (dir / "pty").string(), "--latency", "0s", "--latency-min", "0s"}};
  const auto settings = [&] {
    const auto state = twin.control("get");
    return state.substr(state.find("\"bulk_voltage\""), 400);
  };
  const std::string before = settings();
  std::map<int, int> codes;
  for (int i = 0; i < 200; ++i) {
    const auto& spec = plugin->schema.commands[random.below(plugin->schema.commands.size())];
    std::vector<std::string> words{"device", "--dry-run", "axpert+serial:" + (dir / "pty").string(), spec.name};
    for (auto& word : line_for(random, spec)) words.push_back(std::move(word));
    INFO(shown(words));
    const auto outcome = run_mesura(words);
    REQUIRE(outcome.code >= 0);
    REQUIRE(outcome.code <= 2);
    REQUIRE((outcome.code == 0 || !outcome.err.empty()));
    ++codes[outcome.code];
  }
  CHECK(codes[0] > 20);
  CHECK(codes[2] > 10);
  CHECK(settings() == before);
}

TEST_CASE("ten thousand random command lines read by the schemas of all plugins give what these allow, or say why") {
  RandomArguments random{seed()};
  INFO("MESURA_TEST_SEED=" << seed());
  std::vector<const config::CommandSpec*> specs;
  for (const auto& plugin : plugins().loaded())
    for (const auto& spec : plugin.schema.commands) specs.push_back(&spec);
  REQUIRE(specs.size() > 20);
  int good = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto& spec = *specs[random.below(specs.size())];
    const auto words = line_for(random, spec);
    const auto read = command::read_words(spec, words);
    INFO(spec.name << shown(words));
    if (!read.ok()) {
      for (const auto& d : read.diagnostics.list()) REQUIRE(!d.message.empty());
      continue;
    }
    ++good;
    for (const auto& field : spec.arguments) {
      const auto& value = read.values[field.name];
      REQUIRE((value.present() || !field.required));
      if (value.present()) REQUIRE(outside(field.schema, value).empty());
    }
    // What goes over the control socket comes out the same.
    std::string json;
    command::append_json(json, spec, read.values, false);
    const auto again = command::read_json(spec, json);
    REQUIRE(again.ok());
    REQUIRE(again.values == read.values);
  }
  CHECK(good > 2000);
  CHECK(good < 9500);
}

TEST_CASE("random command lines to an inverter: every write is planned by a dry run and stands in the audit log") {
  const auto* plugin = plugins().find("axpert");
  REQUIRE(plugin != nullptr);
  RandomArguments random{seed()};
  INFO("MESURA_TEST_SEED=" << seed());
  Bench bench{*plugin};

  // What asking alone sends: polls, queries, dry runs.
  std::set<std::string> questions;
  const auto learn = [&] {
    for (auto& bytes : bench.sent()) questions.insert(std::move(bytes));
  };
  std::vector<std::string> wrote;
  std::map<std::string, int> statuses;
  for (int i = 0; i < 10'000; ++i) {
    const auto& spec = plugin->schema.commands[random.below(plugin->schema.commands.size())];
    const auto words = line_for(random, spec);
    const auto read = command::read_words(spec, words);
    if (!read.ok()) continue;
    INFO(i << " " << spec.name << shown(words));
    const bool confirmed = random.chance(80);
    if (spec.danger == config::Danger::read) {
      const auto result = bench.ask(spec, read.values, false, confirmed);
      REQUIRE(!result.wrote);
      ++statuses[std::string{to_string(result.status)}];
      learn();
      continue;
    }
    const auto plan = bench.ask(spec, read.values, true, confirmed);
    REQUIRE(!plan.wrote);
    learn();
    const auto result = bench.ask(spec, read.values, false, confirmed);
    ++statuses[std::string{to_string(result.status)}];
    std::size_t writes = 0;
    for (auto& bytes : bench.sent()) {
      if (questions.contains(bytes)) continue;
      const bool planned =
          std::any_of(plan.plan.begin(), plan.plan.end(), [&](const auto& p) { return p.bytes == bytes; });
      INFO("sent " << command::printable(bytes) << ", " << to_string(plan.status) << " " << plan.message);
      REQUIRE(planned);
      wrote.push_back(command::printable(bytes));
      ++writes;
    }
    REQUIRE((writes > 0) == result.wrote);
    if (!confirmed && spec.danger >= config::Danger::dangerous) REQUIRE(writes == 0);
    if (spec.danger == config::Danger::raw) REQUIRE(writes == 0);
    bench.rest();
    learn();
  }
  CHECK(wrote.size() > 100);
  CHECK(statuses["done"] > 100);
  CHECK(statuses["invalid"] + statuses["refused"] > 0);
  CHECK(statuses["unconfirmed"] > 0);
  CHECK(statuses["failed"] == 0);

  command::AuditQuery query;
  query.limit = 1'000'000;
  const auto page = command::read_audit(bench.audit_file(), query);
  CHECK(page.broken == 0);
  std::vector<std::string> logged;
  std::size_t results = 0;
  for (auto entry = page.entries.rbegin(); entry != page.entries.rend(); ++entry)
    if (entry->event == "write")
      logged.push_back(entry->sent);
    else
      ++results;
  CHECK(logged == wrote);
  CHECK(results > 100);
}
