// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/layout.hpp"

#include <algorithm>
#include <string_view>

namespace mesura::sinks::recording {
namespace {

/// "l1" of "v_rms_l1"; empty when the name has no line.
std::string_view line_of(std::string_view name) {
  const std::size_t at = name.rfind("_l");
  if (at == std::string_view::npos || at + 2 == name.size()) return {};
  const std::string_view digits = name.substr(at + 2);
  const bool all = std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return all ? name.substr(at + 1) : std::string_view{};
}

}  // namespace

std::vector<Track> lay_out(Streams streams, const std::string& device, const std::vector<std::string>& names) {
  std::vector<Track> tracks;
  for (std::size_t column = 0; column < names.size(); ++column) {
    const std::string_view line = streams == Streams::per_line ? line_of(names[column]) : std::string_view{};
    std::string title = device;
    if (!line.empty()) title.append(" ").append(line);
    auto track = std::find_if(tracks.begin(), tracks.end(), [&](const Track& t) { return t.title == title; });
    if (track == tracks.end()) track = tracks.insert(tracks.end(), Track{std::move(title), {}, {}});
    track->columns.push_back(column);
    if (track->columns.size() > 1) track->channel_tags += ',';
    track->channel_tags += names[column];
  }
  return tracks;
}

}  // namespace mesura::sinks::recording
