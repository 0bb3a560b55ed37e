// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "session/series_binder.hpp"

#include <mesura/plugin.hpp>

#include "model/glob.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace mesura::session {

model::Quantity to_quantity(const config::QuantitySpec& spec) {
  model::Quantity q;
  q.name = spec.name;
  q.unit = spec.unit;
  q.kind = spec.kind == "register" ? Kind::reg : spec.kind == "state" ? Kind::state : Kind::gauge;
  q.text = spec.text;
  q.decimals = spec.decimals;
  q.help = spec.help;
  q.channels = spec.channels;
  return q;
}

SeriesBinder::SeriesBinder(SeriesTable& table, const config::PluginSchema& schema, ChannelRules channels,
                           std::string fleet)
    : table_(table),
      schema_(schema),
      channels_(std::move(channels)),
      fleet_(std::move(fleet)),
      vocabulary_(&model::Vocabulary::standard()) {
  if (schema_.quantities.empty()) return;
  own_ = std::make_unique<model::Vocabulary>(*vocabulary_);
  for (const auto& spec : schema_.quantities) own_->add(to_quantity(spec));
  vocabulary_ = own_.get();
}

model::ChannelRule SeriesBinder::rule_for(std::string_view channel) const {
  model::ChannelRule rule;
  const auto configured = channels_.find(channel);
  if (configured != channels_.end()) rule = configured->second;
  if (rule.role != model::Role::none) return rule;
  for (const auto& [pattern, role] : schema_.roles) {
    if (!model::wildcard_matches(pattern, channel)) continue;
    rule.role = model::role_from(role).value_or(model::Role::none);
    break;
  }
  return rule;
}

model::WireSign SeriesBinder::sign_of(std::string_view channel) const {
  for (const auto& pattern : schema_.export_positive)
    if (model::wildcard_matches(pattern, channel)) return model::WireSign::export_positive;
  return model::WireSign::import_positive;
}

Integration SeriesBinder::integration_of(std::string_view channel) const {
  for (const auto& rule : schema_.integrate)
    if (model::wildcard_matches(rule.channel, channel)) return rule.mean ? Integration::mean : Integration::samples;
  return Integration::none;
}

SeriesBinder::Result SeriesBinder::bind(const std::string& device, const mesura_series_info& in) {
  const std::string_view channel = abi::view(in.channel);
  const std::string_view name = abi::view(in.quantity);
  const auto refuse = [&](std::string why) {
    return Result{{}, fmt::format("series {}/{}/{} refused: {}", device, channel, name, why)};
  };
  const model::Quantity* wire = vocabulary_->find(name);
  if (wire == nullptr)
    return refuse(
        "neither the vocabulary nor the plugin's schema has that quantity; the author declares it under `quantities`");
  if (!model::Vocabulary::may_stand(*wire, channel)) return refuse("that quantity does not stand in that channel");
  const std::string_view unit = abi::view(in.unit);
  if (!unit.empty() && unit != wire->unit) return refuse(fmt::format("expected the unit {}, got {}", wire->unit, unit));

  const model::ChannelRule rule = rule_for(channel);
  const model::Transform transform = model::normalise(*wire, rule, sign_of(channel));
  const model::Quantity* stored = vocabulary_->find(transform.quantity);
  if (stored == nullptr) stored = wire;

  SeriesInfo info;
  info.device = device;
  if (device != fleet_) info.fleet = fleet_;
  info.channel = std::string{channel};
  info.quantity = transform.quantity;
  info.unit = stored->unit;
  info.flat_name = model::flat_name(channel, transform.quantity, stored->unit);
  info.label = rule.label.empty() ? std::string{abi::view(in.label)} : rule.label;
  info.role = std::string{model::to_string(rule.role)};
  info.source = std::string{abi::view(in.source)};
  info.kind = stored->kind;
  info.text = stored->text;
  info.decimals = in.decimals >= 0 ? in.decimals : stored->decimals;
  if (stored->name == "active_power") info.integration = integration_of(channel);
  if (stored->kind == Kind::reg && info.source == "integrated") info.integration = Integration::session;
  info.negated = transform.factor < 0;
  Result result;
  result.series = {table_.add(std::move(info)), transform.factor, transform.offset, !transform.changes_values()};
  return result;
}

}  // namespace mesura::session
