// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/target.hpp"

#include <mesura/plugin.hpp>

#include "model/glob.hpp"

#include <fmt/format.h>

#include <utility>

namespace mesura::importing {

Target::Target(SeriesTable& series, Setup setup)
    : series_(series),
      setup_(std::move(setup)),
      binder_(series, setup_.schema != nullptr ? *setup_.schema : none_, setup_.channels, setup_.fleet),
      vocabulary_(model::Vocabulary::standard()) {
  if (setup_.schema == nullptr) return;
  for (const auto& spec : setup_.schema->quantities) vocabulary_.add(session::to_quantity(spec));
}

std::optional<Target::Bound> Target::wire(std::string_view channel, std::string_view quantity, std::string_view source,
                                          std::string_view label, std::string* error) {
  mesura_series_info info{};
  info.struct_size = sizeof info;
  info.channel = abi::str(channel);
  info.quantity = abi::str(quantity);
  info.source = abi::str(source);
  info.label = abi::str(label);
  info.kind = -1;
  info.decimals = -1;
  auto bound = binder_.bind(setup_.device, info);
  if (bound) return bound.series;
  if (error != nullptr) *error = bound.error;
  return std::nullopt;
}

std::optional<std::uint32_t> Target::stored(std::string_view channel, std::string_view quantity, std::string_view unit,
                                            std::string* error) {
  const auto refuse = [&](std::string why) {
    if (error != nullptr) *error = std::move(why);
    return std::nullopt;
  };
  const model::Quantity* q = vocabulary_.find(quantity);
  if (q == nullptr) return refuse(fmt::format("'{}' is no quantity of the vocabulary", quantity));
  if (!model::Vocabulary::may_stand(*q, channel))
    return refuse(fmt::format("{} does not stand in channel '{}'", quantity, channel));
  if (!unit.empty() && unit != q->unit)
    return refuse(fmt::format("{} is stored in {}, got {}", quantity, q->unit, unit));

  SeriesInfo info;
  info.device = setup_.device;
  if (setup_.device != setup_.fleet) info.fleet = setup_.fleet;
  info.channel = channel;
  info.quantity = quantity;
  info.unit = q->unit;
  info.flat_name = model::flat_name(channel, quantity, q->unit);
  info.kind = q->kind;
  info.text = q->text;
  info.decimals = q->decimals;
  // Role and sign are those of the live series; only the values need no turning.
  model::ChannelRule rule;
  if (const auto found = setup_.channels.find(channel); found != setup_.channels.end()) rule = found->second;
  model::WireSign sign = model::WireSign::import_positive;
  if (setup_.schema != nullptr) {
    for (const auto& [pattern, role] : setup_.schema->roles) {
      if (rule.role != model::Role::none || !model::wildcard_matches(pattern, channel)) continue;
      rule.role = model::role_from(role).value_or(model::Role::none);
      break;
    }
    for (const auto& pattern : setup_.schema->export_positive)
      if (model::wildcard_matches(pattern, channel)) sign = model::WireSign::export_positive;
  }
  info.label = rule.label;
  info.role = std::string{model::to_string(rule.role)};
  info.negated = model::normalise(*q, rule, sign).factor < 0;
  if (setup_.known != nullptr) {
    if (const auto known = setup_.known->find(info.name()); known != setup_.known->end()) {
      if (info.label.empty()) info.label = known->second.label;
      if (setup_.schema == nullptr) info.role = known->second.role;
      info.source = known->second.source;
      info.decimals = known->second.decimals;
    }
  }
  return series_.add(std::move(info));
}

std::uint8_t Target::usual_quality(std::uint32_t series) const {
  if (setup_.known == nullptr) return 0;
  const auto known = setup_.known->find(series_.at(series).name());
  return known != setup_.known->end() ? known->second.usual_quality : std::uint8_t{0};
}

std::optional<FlatName> parse_flat_name(const model::Vocabulary& vocabulary, std::string_view name) {
  // A channel may hold underscores (ac_output_l1) as quantities do: every cut is tried, and the shortest channel that
  // has the quantity counts.
  for (std::size_t cut = name.find('_'); cut != std::string_view::npos; cut = name.find('_', cut + 1)) {
    const std::string_view channel = name.substr(0, cut);
    if (!vocabulary.knows_channel(channel)) continue;
    for (const model::Quantity* q : vocabulary.quantities()) {
      if (!name.substr(cut + 1).starts_with(q->name) || !model::Vocabulary::may_stand(*q, channel)) continue;
      if (model::flat_name(channel, q->name, q->unit) == name) return FlatName{std::string{channel}, q->name, q->unit};
    }
  }
  return std::nullopt;
}

}  // namespace mesura::importing
