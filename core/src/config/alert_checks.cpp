// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/alert_schema.hpp"

#include "config/amount.hpp"
#include "config/derived.hpp"
#include "config/text.hpp"
#include "config/units.hpp"
#include "model/glob.hpp"
#include "model/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::config {
namespace {

std::vector<std::string> names(const Value& map) {
  std::vector<std::string> out;
  if (map)
    for (const auto& [name, value] : map.map()) out.push_back(name);
  return out;
}

class Checks {
 public:
  Checks(const Value& root, const Catalog& catalog, const std::string& file, Diagnostics& out)
      : root_(root),
        known_(root, catalog),
        sinks_(names(root["sinks"])),
        doors_(names(root["notify"])),
        file_(file),
        out_(out) {}

  void run() {
    if (root_["alerts"])
      for (const auto& [name, section] : root_["alerts"].map()) check_rule(name, section);
    if (!root_["notify"]) return;
    for (const auto& [name, section] : root_["notify"].map()) {
      if (!section) continue;
      const auto& [kind, options] = section.chosen();
      if (!options) continue;
      if (kind == "mqtt") check_mqtt(name, options);
      if (kind == "webhook") check_webhook(name, options);
    }
    if (!doors_.empty() && root_["alerts"] && root_["alerts"].map().empty())
      report(Severity::warning, root_["notify"].key_mark, "cfg-no-effect", "'notify' has no effect", {}, {},
             "there are no `alerts` to tell of");
  }

 private:
  void report(Severity severity, Mark mark, std::string code, std::string message, std::string expected = {},
              std::string got = {}, std::string hint = {}) {
    out_.add({severity, std::move(code), file_, mark, std::move(message), std::move(expected), std::move(got),
              std::move(hint)});
  }

  void check_rule(const std::string& name, const Value& section) {
    if (!section) return;
    if (const Value& to = section["to"]; to)
      for (const auto& door : to.list()) {
        if (!door || std::find(doors_.begin(), doors_.end(), door.text()) != doors_.end()) continue;
        report(Severity::error, door.mark, "cfg-unknown-door",
               fmt::format("alert '{}' goes to {}, which is not under `notify`", name, quote(door.text())),
               doors_.empty() ? "notify: {NAME: {webhook: {url: ...}}}" : joined(doors_), {},
               did_you_mean(door.text(), doors_));
      }
    const auto& [kind, options] = section.chosen();
    if (!options) return;
    if (const Value& list = options["device"]; list) check_names(name, "device", list, known_.devices());
    if (const Value& list = options["sink"]; list) check_names(name, "sink", list, sinks_);
    if (kind == "spool_growing" && !options["measurements"] && !options["size"])
      report(Severity::error, options.key_mark, "cfg-missing-key",
             fmt::format("alert '{}' does not say how much is too much", name), "measurements, size, or both");
    if (kind == "disk_low" && options["free"] && !free_space(options["free"].text()))
      report(Severity::error, options["free"].mark, "cfg-unit",
             fmt::format("'free' of alert '{}' is no amount of space", name), "a size (1GiB) or a share (5%)",
             quote(options["free"].text()));
    if (options["series"]) check_series(name, kind, options);
  }

  /// A fleet's devices show only when they turn up.
  void check_names(const std::string& name, std::string_view noun, const Value& list,
                   const std::vector<std::string>& all) {
    if (list.defaulted || (noun == "device" && known_.has_fleets())) return;
    for (const auto& pattern : list.list()) {
      if (!pattern || std::any_of(all.begin(), all.end(),
                                  [&](const std::string& n) { return model::wildcard_matches(pattern.text(), n); }))
        continue;
      report(Severity::error, pattern.mark, fmt::format("cfg-unknown-{}", noun),
             fmt::format("{} of alert '{}' matches no {}", quote(pattern.text()), name, noun),
             all.empty() ? fmt::format("a {} of this file", noun) : joined(all), {}, did_you_mean(pattern.text(), all));
    }
  }

  static bool free_space(const std::string& text) {
    if (!text.empty() && text.back() == '%') {
      double share = 0;
      const char* end = text.data() + text.size() - 1;
      const auto parsed = std::from_chars(text.data(), end, share);
      return parsed.ec == std::errc{} && parsed.ptr == end && share > 0 && share < 100;
    }
    return static_cast<bool>(parse_size(text));
  }

  void check_series(const std::string& name, const std::string& kind, const Value& options) {
    const bool demand = kind == "demand_forecast" || kind == "month_peak";
    std::set<std::string> units;  // what the globs say
    for (const auto& glob : options["series"].list()) {
      if (!glob) continue;
      std::vector<std::string> parts{""};
      for (const char c : glob.text())
        if (c == '/')
          parts.emplace_back();
        else
          parts.back() += c;
      const bool wild = parts[0].find_first_of("*?") != std::string::npos;
      if (!options["series"].defaulted && !known_.has_fleets() &&
          std::none_of(known_.devices().begin(), known_.devices().end(),
                       [&](const std::string& d) { return model::wildcard_matches(parts[0], d); }))
        report(Severity::error, glob.mark, "cfg-unknown-device",
               fmt::format("{} of alert '{}' matches no device", quote(glob.text()), name),
               known_.devices().empty() ? "a device of this file" : joined(known_.devices()), {},
               did_you_mean(parts[0], known_.devices()));
      if (parts.size() < 3 || parts[2].find_first_of("*?") != std::string::npos) continue;
      const auto facts = known_.quantity(wild ? std::string_view{} : std::string_view{parts[0]}, parts[2]);
      if (!facts) {
        report(Severity::error, glob.mark, "cfg-quantity",
               fmt::format("'{}' of alert '{}' is a quantity that nobody measures", parts[2], name), {}, {},
               did_you_mean(parts[2], quantities()));
        continue;
      }
      if (demand && facts->unit != "W")
        report(Severity::error, glob.mark, "cfg-unit", fmt::format("alert '{}' watches no power", name),
               "a series in W", fmt::format("{} in {}", parts[2], facts->unit));
      if (facts->text && kind != "stuck")
        report(Severity::error, glob.mark, "cfg-unit", fmt::format("alert '{}' compares a text", name),
               "a series of numbers", parts[2]);
      units.insert(facts->unit);
    }
    for (const char* key : {"limit", "hysteresis"})
      if (const Value& value = options[key]; value)
        check_amount(name, key, value, demand ? std::set<std::string>{"W"} : units);
  }

  static std::vector<std::string> quantities() {
    std::vector<std::string> all;
    for (const auto* q : model::Vocabulary::standard().quantities()) all.push_back(q->name);
    return all;
  }

  void check_amount(const std::string& name, std::string_view key, const Value& value,
                    const std::set<std::string>& units) {
    const auto amount = parse_amount(value.text());
    std::string expected;
    for (const auto& unit : units) expected += (expected.empty() ? "" : " or ") + print_amount(4000, unit);
    if (!amount) {
      report(Severity::error, value.mark, "cfg-unit",
             fmt::format("'{}' of alert '{}' is no value with a unit", key, name),
             expected.empty() ? "a number and a base unit, such as 4000 W" : expected, quote(value.text()));
      return;
    }
    if (key == "hysteresis" && amount->value < 0)
      report(Severity::error, value.mark, "cfg-range", fmt::format("'hysteresis' of alert '{}' is negative", name),
             "0 or more", quote(value.text()));
    if (units.empty() || units.contains(amount->unit)) return;
    report(Severity::error, value.mark, "cfg-unit",
           fmt::format("'{}' of alert '{}' has another unit than its series", key, name), expected,
           quote(value.text()));
  }

  void check_mqtt(const std::string& name, const Value& options) {
    if (const Value& topic = options["topic"]; topic && topic.text().find_first_of("+#") != std::string::npos)
      report(Severity::error, topic.mark, "cfg-topic", fmt::format("'topic' of door '{}' is no topic", name),
             "a topic without + and #", quote(topic.text()));
    const Value& sink = options["sink"];
    if (!sink) return;
    std::vector<std::string> brokers;
    if (root_["sinks"])
      for (const auto& [other, section] : root_["sinks"].map())
        if (section && section.chosen().first == "mqtt") brokers.push_back(other);
    if (std::find(brokers.begin(), brokers.end(), sink.text()) != brokers.end()) return;
    report(Severity::error, sink.mark, "cfg-unknown-sink",
           fmt::format("door '{}' uses {}, which is no sink of kind mqtt", name, quote(sink.text())),
           brokers.empty() ? "sinks: {NAME: {mqtt: {url: ...}}}" : joined(brokers), {},
           did_you_mean(sink.text(), brokers));
  }

  void check_webhook(const std::string& name, const Value& options) {
    const Value& url = options["url"];
    if (!url) return;
    const std::string_view text = url.text();
    if (text == kMask) return;  // what `show --effective` prints reads back
    const bool http = text.substr(0, 7) == "http://" || text.substr(0, 8) == "https://";
    if (!http || text.find_first_of(" \t\n") != std::string_view::npos || text.substr(text.find("://") + 3).empty())
      report(Severity::error, url.mark, "cfg-url", fmt::format("'url' of door '{}' is no web address", name),
             "http:// or https:// and a host");
  }

  const Value& root_;
  KnownSeries known_;
  std::vector<std::string> sinks_;
  std::vector<std::string> doors_;
  const std::string& file_;
  Diagnostics& out_;
};

}  // namespace

void check_alerts(const Value& root, const Catalog& catalog, const std::string& file, Diagnostics& out) {
  Checks{root, catalog, file, out}.run();
}

}  // namespace mesura::config
