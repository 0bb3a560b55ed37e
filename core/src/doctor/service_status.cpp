// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/service_status.hpp"

#include "service/control.hpp"
#include "service/state_directory.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

namespace mesura::doctor {
namespace {

using Object = simdjson::dom::object;

std::string text(const Object& object, const char* key) {
  std::string_view out;
  return object[key].get(out) == simdjson::SUCCESS ? std::string{out} : std::string{};
}

std::int64_t number(const Object& object, const char* key) {
  std::int64_t out = 0;
  return object[key].get(out) == simdjson::SUCCESS ? out : 0;
}

void judge_device(const Object& device, Findings& out) {
  const std::string state = text(device, "state"), error = text(device, "error"), link = text(device, "link");
  const std::string where = "device " + text(device, "name");
  if (state == "live" || state == "finished") {
    out.push_back(
        {Severity::good, "doc-device", where, fmt::format("{}; {} good frames", state, number(device, "frames"))});
    return;
  }
  Finding finding{state == "connecting" && error.empty() ? Severity::note : Severity::error, "doc-device", where, {}};
  if (!error.empty()) take_message(finding, error);
  finding.message = fmt::format("{} is {}{}{}", link.empty() ? "it" : link, state, finding.message.empty() ? "" : ": ",
                                finding.message);
  if (finding.remedy.empty())
    finding.remedy = fmt::format(
        "`mesura log trace {}` logs its raw bytes; stop the service, and `mesura doctor --probe` listens at other "
        "rates",
        text(device, "name"));
  out.push_back(std::move(finding));
}

void judge_sink(const Object& sink, Findings& out) {
  const std::string state = text(sink, "state"), error = text(sink, "last_error");
  const std::string where = "sink " + text(sink, "name");
  if (state == "failing" || !text(sink, "spool_error").empty()) {
    Finding finding{Severity::error, "doc-sink", where, {}};
    take_message(finding, state == "failing" ? error : text(sink, "spool_error"));
    finding.message = fmt::format("{}: {}", state, finding.message);
    out.push_back(std::move(finding));
    return;
  }
  out.push_back({Severity::good, "doc-sink", where,
                 fmt::format("{}; {} measurements written", state, number(sink, "committed"))});
}

}  // namespace

void judge_status(std::string_view json, const std::vector<std::string>& devices, Findings& out) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(simdjson::padded_string{json}).get(root) != simdjson::SUCCESS) {
    out.push_back({Severity::warning, "doc-service-answer", "service", "its answer can't be read",
                   "a status of this version", "something else", "is it another version? restart it"});
    return;
  }
  simdjson::dom::array list;
  if (root["devices"].get(list) == simdjson::SUCCESS)
    for (const auto element : list) {
      const Object device = element.get_object();
      if (devices.empty() || std::find(devices.begin(), devices.end(), text(device, "name")) != devices.end())
        judge_device(device, out);
    }
  if (devices.empty() && root["sinks"].get(list) == simdjson::SUCCESS)
    for (const auto element : list) judge_sink(element.get_object(), out);
}

void check_service(const std::filesystem::path& state, const std::vector<std::string>& devices, Findings& out) {
  std::string answer;
  const auto good =
      service::ask(service::control_socket(state), {"status", "json"}, [&](bool is_good, std::string_view part) {
        if (is_good) answer += part;
        return true;
      });
  if (good && *good) {
    judge_status(answer, devices, out);
    return;
  }
  out.push_back({Severity::warning, "doc-service-answer", "service", "it does not answer at its control socket",
                 "an answer at " + service::control_socket(state).string(), "none",
                 "are you the user that it runs as, or root? the socket is for owner and group only"});
}

}  // namespace mesura::doctor
