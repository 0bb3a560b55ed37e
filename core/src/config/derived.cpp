// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/derived.hpp"

#include "config/text.hpp"
#include "model/normalise.hpp"
#include "model/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace mesura::config {
namespace {

constexpr std::string_view kRoles = "grid, solar, battery, load";

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<model::QuantityFacts> own_quantity(const PluginSchema& plugin, std::string_view quantity) {
  for (const auto& spec : plugin.quantities) {
    if (spec.name != quantity) continue;
    const Kind kind = spec.kind == "register" ? Kind::reg : spec.kind == "state" ? Kind::state : Kind::gauge;
    return model::QuantityFacts{spec.unit, kind, spec.text};
  }
  return std::nullopt;
}

std::string name_of(const DerivedConfig& d) { return d.device + "/" + d.channel + "/" + d.quantity; }

class Reader {
 public:
  Reader(const Value& root, const Catalog& catalog, const std::string& file, Diagnostics& out)
      : root_(root), known_(root, catalog), file_(file), out_(out) {}

  std::vector<DerivedConfig> run() {
    if (!root_["derived"]) return {};
    for (const auto& [device, section] : root_["derived"].map()) read_device(device, section);
    for (auto& entry : entries_) check_operands(entry);
    entries_.erase(std::remove_if(entries_.begin(), entries_.end(), [](const Entry& e) { return e.wrong; }),
                   entries_.end());
    return in_order();
  }

 private:
  struct Entry {
    DerivedConfig derived;
    const Value* value;
    bool wrong = false;
  };

  void report(Mark mark, std::string code, std::string message, std::string expected = {}, std::string got = {},
              std::string hint = {}) {
    out_.add({Severity::error, std::move(code), file_, mark, std::move(message), std::move(expected), std::move(got),
              std::move(hint)});
  }

  void read_device(const std::string& device, const Value& section) {
    if (!section) return;
    for (const char* other : {"devices", "fleets"}) {
      const Value::Map taken = root_[other] ? root_[other].map() : Value::Map{};
      if (std::none_of(taken.begin(), taken.end(), [&](const auto& m) { return m.first == device; })) continue;
      return report(section.key_mark, "cfg-conflict",
                    fmt::format("derived device '{}' has the name of one in '{}'", device, other), {}, {},
                    "what is derived belongs to a device of its own: give it another name");
    }
    std::string label;
    std::string role;
    if (const Value& v = section["label"]; v) label = v.text();
    if (const Value& v = section["role"]; v) {
      role = v.text();
      if (role.empty() || !model::role_from(role))
        report(v.mark, "cfg-enum", fmt::format("'role' of derived device '{}' is no role", device), std::string(kRoles),
               quote(role));
    }
    bool any = false;
    for (const auto& [key, value] : section.map()) {
      if (key == "label" || key == "role") continue;
      any = true;
      if (value) read_series(device, key, value, label, role);
    }
    if (!any)
      report(section.key_mark, "cfg-derived", fmt::format("derived device '{}' has no series", device),
             fmt::format("{}: {{active_power: \"grid/total + roof/ct1\"}}", device));
  }

  void read_series(const std::string& device, const std::string& key, const Value& value, const std::string& label,
                   const std::string& role) {
    const std::size_t slash = key.find('/');
    DerivedConfig d;
    d.device = device;
    d.channel = slash == std::string::npos ? "total" : key.substr(0, slash);
    d.quantity = slash == std::string::npos ? key : key.substr(slash + 1);
    d.text = value.text();
    d.label = label;
    d.role = role;
    const auto& vocabulary = model::Vocabulary::standard();
    const model::Quantity* quantity = vocabulary.find(d.quantity);
    if (quantity == nullptr) {
      std::vector<std::string> all{"label", "role"};
      for (const auto* q : vocabulary.quantities()) all.push_back(q->name);
      return report(value.key_mark, "cfg-quantity",
                    fmt::format("{} of derived device '{}' is no quantity", quote(d.quantity), device),
                    "a quantity of the vocabulary, such as active_power, or channel/quantity", {},
                    did_you_mean(d.quantity, all));
    }
    if (quantity->text || quantity->kind == Kind::state)
      return report(value.key_mark, "cfg-quantity",
                    fmt::format("'{}' of derived device '{}' cannot be computed", d.quantity, device),
                    "a gauge or a register", fmt::format("a {}", quantity->text ? "text" : "state"));
    if (!model::Vocabulary::may_stand(*quantity, d.channel))
      return report(value.key_mark, "cfg-channel",
                    fmt::format("'{}' does not stand in channel {}", d.quantity, quote(d.channel)),
                    joined(quantity->channels));
    d.decimals = quantity->decimals;
    d.result = {quantity->unit, quantity->kind, quantity->text};
    model::Problem problem;
    d.expression = model::Expression::parse(d.text, problem);
    if (!d.expression)
      return report(value.mark, "cfg-expression",
                    fmt::format("'{}' of derived device '{}' {}", key, device, problem.message), problem.expected,
                    problem.got, problem.hint);
    entries_.push_back({std::move(d), &value});
  }

  [[nodiscard]] bool is_derived(std::string_view device) const {
    const auto is_in = [&](const char* section) {
      const Value::Map devices = root_[section] ? root_[section].map() : Value::Map{};
      return std::any_of(devices.begin(), devices.end(), [&](const auto& m) { return m.first == device; });
    };
    return is_in("derived") && !is_in("devices");
  }

  [[nodiscard]] const Entry* entry(const std::string& name) const {
    const auto found =
        std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return name_of(e.derived) == name; });
    return found == entries_.end() ? nullptr : &*found;
  }

  void check_operands(Entry& entry_at) {
    DerivedConfig& d = entry_at.derived;
    const Mark mark = entry_at.value->mark;
    for (const auto& operand : d.expression->operands()) {
      const std::string& quantity = operand.quantity.empty() ? d.quantity : operand.quantity;
      const std::string name = operand.device + "/" + operand.channel + "/" + quantity;
      const auto wrong = [&](std::string code, std::string message, std::string expected = {}, std::string hint = {}) {
        report(mark, std::move(code), std::move(message), std::move(expected), {}, std::move(hint));
        entry_at.wrong = true;
      };
      if (!contains(known_.devices(), operand.device) && !known_.has_fleets()) {
        wrong("cfg-unknown-device", fmt::format("{} uses '{}', which is no device", name_of(d), operand.device),
              known_.devices().empty() ? "a device of this file" : joined(known_.devices()),
              did_you_mean(operand.device, known_.devices()));
        continue;
      }
      const auto facts = known_.quantity(operand.device, quantity);
      if (!facts) {
        wrong("cfg-quantity", fmt::format("{} uses {}, whose quantity nobody measures", name_of(d), name));
        continue;
      }
      if (!KnownSeries::may_stand(quantity, operand.channel)) {
        wrong("cfg-channel", fmt::format("{} uses {}: that quantity does not stand in that channel", name_of(d), name),
              joined(model::Vocabulary::standard().find(quantity)->channels));
        continue;
      }
      // Energy that is integrated from a derived power exists as well.
      if (is_derived(operand.device) && entry(name) == nullptr && facts->kind != Kind::reg)
        wrong("cfg-unknown-series", fmt::format("{} uses {}, which is not derived", name_of(d), name));
      d.facts.push_back(*facts);
    }
    if (entry_at.wrong) return;
    if (const auto problem = d.expression->check(d.facts, d.result)) {
      report(mark, "cfg-unit", fmt::format("{} {}", name_of(d), problem->message), problem->expected, problem->got,
             problem->hint);
      entry_at.wrong = true;
    }
  }

  std::vector<DerivedConfig> in_order() {
    std::vector<DerivedConfig> order;
    std::set<std::string> waiting;
    for (const auto& e : entries_) waiting.insert(name_of(e.derived));
    const auto ready = [&](const Entry& e) {
      const auto& operands = e.derived.expression->operands();
      return std::none_of(operands.begin(), operands.end(), [&](const auto& o) {
        return waiting.contains(o.device + "/" + o.channel + "/" +
                                (o.quantity.empty() ? e.derived.quantity : o.quantity));
      });
    };
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& e : entries_) {
        const std::string name = name_of(e.derived);
        if (!waiting.contains(name) || !ready(e)) continue;
        waiting.erase(name);
        order.push_back(e.derived);
        moved = true;
      }
    }
    for (const auto& e : entries_)
      if (waiting.contains(name_of(e.derived)))
        report(e.value->mark, "cfg-cycle",
               fmt::format("{} depends on itself, or on a series that does", name_of(e.derived)), {}, {},
               "a derived series may use others, but not in a circle");
    return order;
  }

  const Value& root_;
  KnownSeries known_;
  const std::string& file_;
  Diagnostics& out_;
  std::vector<Entry> entries_;
};

}  // namespace

KnownSeries::KnownSeries(const Value& root, const Catalog& catalog) : root_(root), catalog_(catalog) {
  for (const char* section : {"devices", "derived"})
    if (root[section])
      for (const auto& [name, value] : root[section].map())
        if (!contains(devices_, name)) devices_.push_back(name);
  has_fleets_ = root["fleets"] && !root["fleets"].map().empty();
}

std::optional<model::QuantityFacts> KnownSeries::quantity(std::string_view device, std::string_view quantity) const {
  if (const auto* q = model::Vocabulary::standard().find(quantity))
    return model::QuantityFacts{q->unit, q->kind, q->text};
  const Value& section = root_["devices"] ? root_["devices"][device] : root_["devices"];
  for (const auto& plugin : catalog_.plugins) {
    if (section && section["plugin"] && section["plugin"].text() != plugin.name) continue;
    if (auto facts = own_quantity(plugin, quantity)) return facts;
  }
  return std::nullopt;
}

bool KnownSeries::may_stand(std::string_view quantity, std::string_view channel) {
  const auto* q = model::Vocabulary::standard().find(quantity);
  return q == nullptr || model::Vocabulary::may_stand(*q, channel);
}

std::vector<DerivedConfig> read_derived(const Value& root, const Catalog& catalog, const std::string& file,
                                        Diagnostics& out) {
  return Reader{root, catalog, file, out}.run();
}

}  // namespace mesura::config
