// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "emission.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesura::dsmr_p1 {
namespace {

constexpr double kGuardMargin = 1000;  // Wh; a register may leap so far in no time

/// '*' stands for any text, '?' for any character.
bool glob_matches(std::string_view glob, std::string_view text) {
  std::size_t g = 0, t = 0, star = std::string_view::npos, after_star = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      after_star = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++after_star;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

/// "channel/quantity", or one of the two alone.
bool field_matches(std::string_view glob, const Field& field) {
  const std::size_t slash = glob.find('/');
  if (slash == std::string_view::npos) return glob_matches(glob, field.channel) || glob_matches(glob, field.quantity);
  return glob_matches(glob.substr(0, slash), field.channel) && glob_matches(glob.substr(slash + 1), field.quantity);
}

bool any_matches(const std::vector<std::string>& globs, const Field& field) {
  return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) { return field_matches(glob, field); });
}

}  // namespace

Emission::Emission(EmissionSettings settings, bool live, Host host)
    : settings_(std::move(settings)),
      live_(live),
      host_(host),
      table_(ObisTable::instance()),
      series_(table_.field_count()) {
  batch_.reserve(128);
}

bool Emission::wants(const Field& field) const {
  return (settings_.include.empty() || any_matches(settings_.include, field)) && !any_matches(settings_.exclude, field);
}

std::string_view Emission::label(const Field& field, Profile profile) const {
  if (field.channel.size() < 2 || field.channel[0] != 't' || field.channel[1] > '9') return {};
  const auto tariff = static_cast<std::size_t>(std::stoi(field.channel.substr(1)));
  const std::string& chosen = settings_.tariff_labels[tariff - 1];
  if (!chosen.empty()) return chosen;
  return tariff == 1 ? traits(profile).t1 : tariff == 2 ? traits(profile).t2 : std::string_view{};
}

void Emission::resolve(FieldId id, Profile profile) {
  const Field& field = table_.field(id);
  Series& s = series_[id];
  s.resolved = true;
  s.kind = field.kind;
  s.is_energy = field.kind == Kind::counter && field.quantity.find("active_energy") != std::string_view::npos;
  if (!wants(field)) return;
  s.id = host_.series({field.channel, field.quantity, label(field, profile), field.code});
  s.wanted = s.id != MESURA_NO_SERIES;
}

/// What another meter says is not compared with what the one before said.
void Emission::forget_values(const Telegram& telegram) {
  for (std::size_t i = 0; i < series_.size(); ++i) {
    const std::string& channel = table_.field(static_cast<FieldId>(i)).channel;
    const bool mbus = channel.starts_with("mbus");
    const bool other = mbus ? (telegram.mbus_changed >> static_cast<unsigned>(channel.back() - '1') & 1U) != 0
                            : telegram.meter_changed;
    if (other) series_[i].told = series_[i].guarded = series_[i].guard_told = false;
  }
  if (telegram.meter_changed) latest_ns_ = kNoTime;
}

/// A stamp that is more than a day off, or not later than one before although the telegram differs, is no key for what
/// was measured: such a telegram takes the receive time.
void Emission::decide_time(const Telegram& telegram, std::int64_t received_ns) {
  const std::int64_t stamp = telegram.time_ns;
  batch_quality_ = MESURA_GOOD;
  batch_time_ns_ = settings_.meter_time ? stamp : kNoTime;
  if (stamp == kNoTime || !live_) return;
  const bool far = stamp > received_ns + kDay || stamp < received_ns - kDay;
  const bool back =
      latest_ns_ != kNoTime && (stamp < latest_ns_ || (stamp == latest_ns_ && telegram.crc != latest_crc_));
  if (far || back) {
    batch_quality_ = MESURA_CLOCK_SUSPECT;
    batch_time_ns_ = kNoTime;
  }
  if (!far && !back) {
    latest_ns_ = stamp;
    latest_crc_ = telegram.crc;
  }
}

bool Emission::due(std::int64_t time_ns) {
  if (settings_.every != EmissionSettings::Every::interval) return true;
  const std::int64_t window = time_ns / settings_.interval.count();
  if (window == window_) return false;
  window_ = window;
  return true;
}

bool Emission::changed(Series& series, const Reading& reading, double value) const {
  const bool same = series.told && (reading.is_text ? series.text == reading.text : series.number == value);
  if (same) return false;
  // An empty text says "nothing", which is no news before there was something.
  const bool news = series.told || !reading.is_text || !reading.text.empty();
  series.told = true;
  if (reading.is_text) {
    series.text.assign(reading.text);
  } else {
    series.number = value;
  }
  return news;
}

/// Whether a register's value can follow its last one.
bool Emission::guard(Series& series, const Reading& reading, double value, const Telegram& telegram,
                     std::int64_t time_ns) {
  bool good = true;
  if (series.guarded) {
    const double grown = value - series.guard_value;
    const double hours =
        static_cast<double>(std::max<std::int64_t>(time_ns - series.guard_time_ns, 0)) / (3600.0 * kSecond);
    good = grown >= 0 && (!series.is_energy || grown <= settings_.max_power * hours + kGuardMargin);
  }
  if (good) {
    series.guarded = true;
    series.guard_told = false;
    series.guard_value = value;
    series.guard_time_ns = time_ns;
    return true;
  }
  const Field& field = table_.field(reading.field);
  const std::string limit = series.is_energy ? fmt::format(" and not faster than {} W", settings_.max_power) : "";
  const std::string message = fmt::format("{}/{}: expected a value from {} on{}, got {}", field.channel, field.quantity,
                                          series.guard_value, limit, value);
  host_.fault({MESURA_FAULT_OBJECT, "counter_guard", message, telegram.offset, telegram.text.size(), 0});
  if (!series.guard_told) host_.log(MESURA_LOG_WARN, message + "; dropped until it fits or the meter's serial changes");
  series.guard_told = true;
  return false;
}

void Emission::add(const Series& series, const Reading& reading, double value, std::uint8_t quality) {
  mesura_measurement& m = batch_.emplace_back();
  if (reading.is_text) {
    m = text(series.id, reading.text, reading.time_ns, quality);
    return;
  }
  m.time_ns = reading.time_ns;
  m.number = value;
  m.series = series.id;
  m.type = MESURA_NUMBER;
  m.quality = quality;
}

void Emission::add_raw(const Telegram& telegram) {
  const FieldId field = table_.special().raw_telegram;
  Series& s = series_[field];
  if (!s.resolved) resolve(field, telegram.profile);
  if (!s.wanted) return;
  raw_.assign(telegram.text.begin(), telegram.text.end());
  for (char& c : raw_)
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';  // texts are UTF-8 on the other side
  Reading r;
  r.field = field;
  r.is_text = true;
  r.text = raw_;
  add(s, r, 0, batch_quality_);
}

void Emission::telegram(const Telegram& telegram, std::int64_t received_ns) {
  if (telegram.meter_changed || telegram.mbus_changed != 0) forget_values(telegram);
  decide_time(telegram, received_ns);
  const std::int64_t now_ns = batch_time_ns_ != kNoTime ? batch_time_ns_ : received_ns;
  const bool all = due(now_ns);
  const bool on_change = settings_.every == EmissionSettings::Every::on_change;

  batch_.clear();
  for (const Reading& r : telegram.readings) {
    Series& s = series_[r.field];
    if (!s.resolved) resolve(r.field, telegram.profile);
    if (!s.wanted) continue;
    const double value = r.value();
    if (s.kind == Kind::counter && settings_.guard &&
        !guard(s, r, value, telegram, r.time_ns != kNoTime ? r.time_ns : now_ns))
      continue;
    if (r.time_ns != kNoTime) {
      const bool ahead = live_ && r.time_ns > received_ns + kDay;
      add(s, r, value, ahead ? static_cast<std::uint8_t>(r.quality | MESURA_CLOCK_SUSPECT) : r.quality);
      continue;
    }
    if (s.kind == Kind::state || on_change) {
      if (!changed(s, r, value)) continue;
    } else if (!all) {
      continue;
    }
    add(s, r, value, static_cast<std::uint8_t>(r.quality | batch_quality_));
  }
  if (settings_.raw_telegram && all) add_raw(telegram);
  if (!batch_.empty()) host_.emit(batch_, batch_time_ns_, received_ns);
}

}  // namespace mesura::dsmr_p1
