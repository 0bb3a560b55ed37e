// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "fleet.hpp"

#include "text_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::ct6 {
namespace {

constexpr std::size_t kMaxUnits = Poller::kMaxTargets;
constexpr std::string_view kNeverCalibrated = "\"ASY0197";
constexpr std::int64_t kAliveFor = 3'000'000'000;  // and three intervals
constexpr std::string_view kEmpty = "\"\"";

std::string_view name_token(const Answer& answer) {
  const std::string_view own = answer[UnitText::unit_name];
  return own.empty() || own == kEmpty ? answer[UnitText::ydev_unit_name] : own;
}

/// As it distinguishes devices: letters and digits, in lower case.
std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
    out += upper ? static_cast<char>(c - 'A' + 'a') : plain ? c : '_';
  }
  return out;
}

}  // namespace

Fleet::Fleet(Host host, const Settings& settings)
    : host_(host), settings_(settings), primary_(host, MESURA_PRIMARY_DEVICE, {}, settings.device_time) {}

/// The token that identifies the unit; empty if it has none that could.
std::string_view Fleet::key_token(const Answer& answer) const {
  std::string_view token;
  if (settings_.key == KeyKind::assy) token = answer[UnitText::assy];
  if (settings_.key == KeyKind::unit_name) token = name_token(answer);
  const bool unfit = token == kEmpty || token == "null" || token.starts_with(kNeverCalibrated);
  return unfit ? std::string_view{} : token;
}

Unit* Fleet::unit_of(const Answer& answer, Target* target, std::string_view address, std::int64_t now_ns) {
  if (!settings_.fleet) return &primary_;
  const bool by_address = target != nullptr && target->own_identity;
  const std::string_view token = by_address ? std::string_view{} : key_token(answer);
  Unit* const unit = known(token, target != nullptr ? target->called : address, answer);
  if (unit == nullptr || target == nullptr || unit->at == target) return unit;
  return follow(unit, *target, answer, now_ns);
}

const Unit* Fleet::find(DeviceId device) const {
  for (const auto& [key, unit] : units_)
    if (unit->device() == device) return unit.get();
  return nullptr;
}

Unit* Fleet::known(std::string_view token, std::string_view address, const Answer& answer) {
  const std::string_view id = token.empty() ? address : token;
  if (const auto found = units_.find(id); found != units_.end()) return found->second.get();
  if (units_.size() >= kMaxUnits) return nullptr;
  const std::string key = token.empty() ? std::string{address} : text_of_token(token).value_or(std::string{token});
  const std::string name = decode_percent(text_of_token(name_token(answer)).value_or(std::string{}));
  const DeviceId device = host_.device(key, name.empty() ? key : name);
  auto unit = std::make_unique<Unit>(host_, device, key, settings_.device_time);
  unit->known_as = name;
  if (token.empty() && settings_.key != KeyKind::address)
    host_.log(MESURA_LOG_WARN, fmt::format("{}: {}, so it is known by its address", address,
                                           settings_.key == KeyKind::assy
                                               ? "the unit has no serial that is its own (never calibrated, or "
                                                 "another unit's)"
                                               : "the unit has no name of its own"));
  return units_.emplace(id, std::move(unit)).first->second.get();
}

/// The unit has not answered from this address before, or another has its key.
Unit* Fleet::follow(Unit* unit, Target& target, const Answer& answer, std::int64_t now_ns) {
  Target* const before = unit->at;
  if (before != nullptr && before != &target) {
    const std::int64_t alive_ns = std::max(kAliveFor, 3 * settings_.interval.count());
    if (target.unit == unit && now_ns - before->answered_ns < alive_ns) {
      target.own_identity = true;
      target.moved = false;
      host_.log(MESURA_LOG_WARN, fmt::format("{} and {} both say they are {}: the first is known by its address here",
                                             target.address, before->address, unit->key()));
      return unit_of(answer, &target, target.address, now_ns);
    }
    // Two units that have exchanged their addresses: what the other one has now is not left behind.
    if (before->unit == unit) before->moved = true;
    host_.log(MESURA_LOG_INFO, fmt::format("{} moved from {} to {}", unit->called(), before->address, target.address));
  }
  // Whoever answered from here before is elsewhere now, or gone.
  if (target.unit != nullptr && target.unit != unit && target.unit->at == &target) target.unit->at = nullptr;
  unit->at = &target;
  target.unit = unit;
  target.moved = false;
  return unit;
}

void Fleet::take_texts(Unit& unit, const Answer& answer, std::string_view address, Problems& problems) {
  const bool first = unit.serial().empty();
  const std::string_view serial = answer[UnitText::assy];
  const bool other = !first && !serial.empty() && !unit.has_serial_token(serial);
  const std::string serial_before = other ? unit.serial() : std::string{};
  const bool renamed = unit.take_texts(answer, problems);
  if (other && !settings_.fleet && !std::exchange(other_told_, true))
    host_.log(MESURA_LOG_WARN,
              fmt::format("another unit answers: {} instead of {}; several of them belong into `fleets`", unit.serial(),
                          serial_before));
  if (settings_.fleet && (renamed || (unit.name().empty() && !unit.unnamed_told))) take_name(unit, address);
}

void Fleet::take_name(Unit& unit, std::string_view address) {
  if (unit.name().empty()) {
    if (!std::exchange(unit.unnamed_told, true))
      host_.log(MESURA_LOG_WARN, fmt::format("{}: the unit has no name, so it is called {} here", address, unit.key()));
    return;
  }
  if (unit.known_as != unit.name()) {
    host_.device(unit.key(), unit.name());
    host_.log(MESURA_LOG_INFO,
              fmt::format("{} is called {} now", unit.known_as.empty() ? unit.key() : unit.known_as, unit.name()));
  }
  if (const auto old = names_.find(folded(unit.known_as)); old != names_.end() && old->second == &unit)
    names_.erase(old);
  unit.known_as = unit.name();
  const auto [taken, fresh] = names_.emplace(folded(unit.name()), &unit);
  if (fresh || taken->second == &unit || std::exchange(unit.equal_name_told, true)) return;
  host_.log(MESURA_LOG_WARN, fmt::format("{}: the unit {} is called {} as {} is; the later one gets a number behind it",
                                         address, unit.key(), unit.name(), taken->second->key()));
}

}  // namespace mesura::ct6
