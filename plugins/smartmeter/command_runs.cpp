// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands that begin, steer and end measurements. None of them changes a setting of the device.
#include "command_flows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace mesura::smartmeter {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000, kMillisecond = 1'000'000;
constexpr std::int64_t kLeastLead = 500 * kMillisecond, kMostLead = 20 * kSecond;  // what the device takes
constexpr std::size_t kMostRequestBytes = 1029;  // more overruns the send buffer of present firmware

struct SampleOrder {
  RunOrder run;
  std::string type;
  std::int64_t port = 0, slot = 0;
  bool flow_control = false, prefix = true;
  std::optional<std::int64_t> ntp_confidence_ms;
  std::uint64_t rows = 0;        ///< 0: until it is stopped
  std::int64_t duration_ns = 0;  ///< 0: until it is stopped
};

/// A plain number with its unit: "1500ms", "10s".
std::optional<std::int64_t> parse_lead(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value < 0 || value > 86'400'000) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text == "s") return value * kSecond;
  if (text == "ms") return value * kMillisecond;
  return std::nullopt;
}

/// The whole second at which to begin. Empty reason: `out` is set.
std::string start_of(std::string_view text, std::int64_t now_ns, std::int64_t& out) {
  constexpr std::string_view kGrid = " grid";
  if (text.ends_with(kGrid)) {
    const auto grid = parse_lead(text.substr(0, text.size() - kGrid.size()));
    if (grid && *grid >= kSecond && *grid % kSecond == 0) {
      constexpr std::int64_t kTime = 2 * kSecond;  // for all devices to be told
      out = (now_ns + kTime + *grid - 1) / *grid * *grid;
    } else {
      return fmt::format("expected a grid such as '+5s grid', got '{}'", text);
    }
  } else if (const auto lead = parse_lead(text)) {
    out = (now_ns + *lead + kSecond - 1) / kSecond * kSecond;
  } else if (const auto instant = parse_instant(text)) {
    out = *instant;
  } else if (const auto seconds = parse_unix_seconds(text)) {
    out = *seconds;
  } else {
    return fmt::format(
        "expected the start as a time from now (10s), an instant (2026-03-02T15:04:10Z), Unix seconds, or a "
        "grid ('+5s grid'); got '{}'",
        text);
  }
  if (out % kSecond != 0)
    return fmt::format("expected a whole second, which is all that a device takes; got '{}'", text);
  const std::int64_t lead = out - now_ns;
  if (lead < kLeastLead || lead > kMostLead)
    return fmt::format(
        "expected a start 0.5 to 20 s from now, which is all that a device takes; '{}' is {:.1f} s from now", text,
        static_cast<double>(lead) / 1e9);
  return {};
}

std::string choose_rows(Job& job, SampleOrder& order) {
  const Settings& s = job.settings();
  const Model model = job.port().model();
  const std::string measures = job.args().text("measures", s.measures);
  order.run.measure = find_measure(model, measures);
  if (order.run.measure == nullptr)
    return fmt::format("expected measures {}; got '{}'",
                       model == Model::powermeter
                           ? "v,i_L1, p,q, v,i_RMS or v,i,p,q of a PowerMeter"
                           : "v,i,v,i,v,i, v,i_L1, v,i_L2, v,i_L3, p,q or v,i_RMS of a SmartMeter",
                       measures);
  std::int64_t rate = job.args().integer("rate");
  if (rate == 0 && measures == s.measures) rate = s.rate;
  if (rate == 0) rate = default_rate(*order.run.measure);
  order.run.rate = rate;
  if (const std::string expected = refuse_rate(*order.run.measure, rate); !expected.empty())
    return fmt::format("expected a rate of {}, got {}", expected, rate);
  return {};
}

std::string choose_sink(Job& job, SampleOrder& order) {
  const Settings& s = job.settings();
  const Arguments& args = job.args();
  constexpr std::array<std::string_view, 4> kOwn = {"TCP", "UDP", "Serial", "MQTT"};
  const std::string_view own = kOwn[static_cast<std::size_t>(s.sink)];
  order.type = args.text("type", "auto");
  if (order.type == "auto") order.type = own;
  order.port = args.integer("port", s.udp_port);
  order.prefix = !args.has("prefix") || args.flag("prefix");
  order.flow_control = args.flag("flow_control");
  order.run.ours = order.type == own && (order.type != "UDP" || order.port == s.udp_port);
  if (order.type == "Serial" && s.channel == Channel::serial) order.run.ours = true;
  if (order.run.ours && !order.prefix)
    return "expected rows in frames: without them they can't be told from lines; unframed rows come from port 54322 "
           "(mode: raw)";
  if (order.type == "MQTT" && order.run.rate > kMaxLatchedRate)
    return fmt::format("expected a rate of at most {} over MQTT, got {}", kMaxLatchedRate, order.run.rate);
  if (args.has("slot")) {
    if (!parse_slot(args.text("slot"), order.slot, order.run.slots))
      return fmt::format("expected SLOT/SLOTS with 0 <= SLOT < SLOTS <= 3600, such as 1/4; got '{}'",
                         args.text("slot"));
    if (order.type != "TCP" && order.type != "UDP") return "expected type TCP or UDP with a slot";
  }
  return {};
}

std::string choose(Job& job, SampleOrder& order) {
  const Arguments& args = job.args();
  if (std::string why = choose_rows(job, order); !why.empty()) return why;
  if (std::string why = choose_sink(job, order); !why.empty()) return why;
  order.rows = static_cast<std::uint64_t>(args.integer("rows"));
  order.duration_ns = args.integer("duration");
  if (args.has("ntp_confidence")) order.ntp_confidence_ms = args.integer("ntp_confidence") / kMillisecond;
  // Rows that do not come here are counted by time.
  const bool counted = order.run.ours && job.settings().channel != Channel::mqtt;
  if (order.rows != 0 && !counted) order.duration_ns = static_cast<std::int64_t>(order.rows) * kSecond / order.run.rate;
  if (!counted) order.rows = 0;
  if (!args.has("at")) return {};
  if (job.port().model() == Model::smartmeter && !order.run.measure->is_wave())
    return "expected waveforms with a scheduled start: present firmware begins others as waveforms by mistake";
  return start_of(args.text("at"), job.now_ns(), order.run.start_ns);
}

std::string request_of(const SampleOrder& order) {
  std::string line = fmt::format(R"({{"cmd":"sample","payload":{{"type":"{}","rate":{},"measures":"{}")", order.type,
                                 order.run.rate, order.run.measure->request);
  if (order.type == "UDP") line += fmt::format(R"(,"port":{})", order.port);
  if (!order.prefix) line += R"(,"prefix":false)";
  if (order.flow_control) line += R"(,"flowCtr":true)";
  if (order.run.slots > 0) line += fmt::format(R"(,"slot":[{},{}])", order.slot, order.run.slots);
  if (order.run.start_ns != 0) line += fmt::format(R"(,"time":{})", order.run.start_ns / kSecond);
  if (order.ntp_confidence_ms) line += fmt::format(R"(,"ntpConf":{})", *order.ntp_confidence_ms);
  return line + "}}";
}

/// What the answers to `sample` and `stop` have in common with a result.
void add_members(JsonWriter& out, const JsonObject& reply) {
  for (const JsonMember& member : reply.members())
    if (member.key != "error" && member.key != "cmd" && member.key != "msg") out.raw(member.key, json_of(&member));
}

std::string result_of(const std::string& began, const std::string& ended, std::uint64_t rows, std::uint64_t lost) {
  return fmt::format(R"({{"began":{},"ended":{},"rows":{},"lost_rows":{}}})", began, ended, rows, lost);
}

struct Watched {
  SampleOrder order;
  std::string began;
  std::int64_t until_ns = 0;
};

void end_watched(Job& job, const Watched& w) {
  const std::uint64_t rows = job.port().rows(), lost = job.port().lost_rows();
  job.measures = false;
  job.ask("stop", plain_request("stop"), [w, rows, lost](Job& j, const Answer& answer) {
    if (!j.is_reply(answer)) return;
    JsonWriter ended;
    add_members(ended, *answer.json);
    const std::uint64_t all = std::max(rows, j.port().rows());
    j.finish(MESURA_REPLY_DONE, {}, result_of(w.began, ended.take(), all, std::max(lost, j.port().lost_rows())));
  });
}

/// Until its rows or its time are over.
void watch_run(Job& job, const Watched& w) {
  const std::int64_t left = w.until_ns == 0 ? kSecond : std::min(kSecond, w.until_ns - job.now_ns());
  job.wait(
      [w](Job& j, const Answer& answer) {
        if (answer.kind == Answer::Kind::gone) {
          j.finish(MESURA_REPLY_UNREACHABLE, "the connection ended, and the run with it");
          return;
        }
        CommandPort& way = j.port();
        const bool enough =
            (w.order.rows != 0 && way.rows() >= w.order.rows) || (w.until_ns != 0 && j.now_ns() >= w.until_ns);
        if (enough) {
          end_watched(j, w);
          return;
        }
        if (w.order.run.ours && !way.is_measuring()) {
          j.finish(MESURA_REPLY_REFUSED, "the run was ended by somebody else",
                   result_of(w.began, "null", way.rows(), way.lost_rows()));
          return;
        }
        if (answer.kind == Answer::Kind::silent && w.order.rows != 0)
          j.progress(way.rows(), w.order.rows, "rows");
        else if (answer.kind == Answer::Kind::silent)
          j.progress(
              static_cast<std::uint64_t>(std::max<std::int64_t>(w.order.duration_ns - (w.until_ns - j.now_ns()), 0)) /
                  static_cast<std::uint64_t>(kSecond),
              static_cast<std::uint64_t>(w.order.duration_ns / kSecond), "s");
        watch_run(j, w);
      },
      std::max<std::int64_t>(left, 0));
}

void began(Job& job, const Answer& answer, const SampleOrder& order) {
  if (answer.kind == Answer::Kind::silent && job.settings().channel == Channel::mqtt) {
    job.finish(MESURA_REPLY_UNVERIFIED,
               "sent; such devices lose answers as long as this one over MQTT: rows, or their "
               "absence, will show");
    return;
  }
  if (!job.is_reply(answer)) return;
  const JsonObject& reply = *answer.json;
  if (const std::string why = refusal_of(reply); !why.empty()) {
    job.finish(
        MESURA_REPLY_REFUSED,
        fmt::format("the device refuses sample: {}{}", why,
                    order.run.start_ns != 0 ? "; hint: its clock decides; compare it with the command 'time'" : ""));
    return;
  }
  JsonWriter out;
  add_members(out, reply);
  Watched w{order, out.take(), 0};
  job.port().begin_ordered(order.run, reply);
  if (order.rows == 0 && order.duration_ns == 0) {
    job.finish(MESURA_REPLY_DONE, order.run.start_ns != 0 ? told(reply.text("msg")) : "", w.began);
    return;
  }
  const std::int64_t start = std::max(order.run.start_ns, job.now_ns());
  if (order.duration_ns != 0) w.until_ns = start + order.duration_ns;
  job.measures = true;
  watch_run(job, w);
  job.listen(order.rows != 0);
}

}  // namespace

void sample(Job& job) {
  SampleOrder order;
  if (const std::string why = choose(job, order); !why.empty()) {
    job.finish(MESURA_REPLY_INVALID, why);
    return;
  }
  const std::string line = request_of(order);
  if (job.dry_run()) {
    job.finish(MESURA_REPLY_PLAN, fmt::format("would ask {}", line));
    return;
  }
  job.ask("sample", line, [order](Job& j, const Answer& answer) { began(j, answer, order); });
}

void stop(Job& job) {
  if (job.dry_run()) {
    job.finish(MESURA_REPLY_PLAN, fmt::format("would ask {}", plain_request("stop")));
    return;
  }
  const bool collects = job.settings().activity == Activity::sample;
  if (collects) job.port().hold(true);  // until `sample`, or the next connection
  job.ask("stop", plain_request("stop"), [collects](Job& j, const Answer& answer) {
    if (!j.is_reply(answer)) return;
    const std::string_view rest = collects ? "; nothing is collected until 'sample' or the next connection" : "";
    if (answer.json->boolean("error").value_or(false)) {
      const bool scheduled = j.port().is_measuring();
      if (scheduled) j.port().abandon();
      j.finish(MESURA_REPLY_DONE,
               scheduled ? "a scheduled start can't be called off: that run is stopped when it begins"
                         : fmt::format("the device was not measuring{}", rest),
               R"({"stopped":false})");
      return;
    }
    JsonWriter out;
    out.flag("stopped", true);
    add_members(out, *answer.json);
    j.finish(MESURA_REPLY_DONE, fmt::format("stopped{}", rest), out.take());
  });
}

void clear_to_send(Job& job) {
  const bool on = job.args().text("state") == "on";
  const std::string line = fmt::format(R"({{"cmd":"cts","value":{}}})", on);
  if (job.dry_run()) {
    job.finish(MESURA_REPLY_PLAN, fmt::format("would ask {}", line));
    return;
  }
  job.ask("cts", line, [](Job& j, const Answer& answer) {
    if (!j.is_reply(answer)) return;
    if (const std::string why = refusal_of(*answer.json); !why.empty())
      j.finish(MESURA_REPLY_REFUSED, fmt::format("the device refuses cts: {}", why));
    else
      j.finish(MESURA_REPLY_DONE, {}, "{}");
  });
}

namespace {

void await_rows(Job& job, const Answer& answer, std::int64_t count) {
  if (answer.kind == Answer::Kind::frame) {
    if (answer.rows != count) {  // one that was on its way
      job.await([count](Job& j, const Answer& next) { await_rows(j, next, count); });
      return;
    }
    job.finish(MESURA_REPLY_DONE, {}, fmt::format(R"({{"rows":{}}})", count));
  } else if (answer.kind == Answer::Kind::silent) {
    job.finish(MESURA_REPLY_TIMEOUT,
               fmt::format("no rows came: the device sends none while it holds fewer than {}", count));
  } else if (job.is_reply(answer)) {
    job.finish(MESURA_REPLY_REFUSED, fmt::format("the device refuses reqSamples: {}",
                                                 answer.json->has("msg") ? told(answer.json->text("msg"))
                                                                         : "it does not measure, or not a waveform"));
  }
}

}  // namespace

void request_rows(Job& job) {
  const std::int64_t count = job.args().integer("count");
  const std::string line = fmt::format(R"({{"cmd":"reqSamples","samples":{}}})", count);
  const Measure* const measure = job.port().measure();
  if (measure != nullptr && static_cast<std::size_t>(count) * measure->row_bytes() > kMostRequestBytes) {
    job.finish(MESURA_REPLY_INVALID,
               fmt::format("expected at most {} rows of {} bytes, which fill the device's send buffer; got {}",
                           kMostRequestBytes / measure->row_bytes(), measure->row_bytes(), count));
    return;
  }
  if (job.settings().flow_control == FlowControl::request && measure != nullptr) {
    job.finish(MESURA_REPLY_INVALID, "the collector asks for the rows of this run itself (flow_control: request)");
    return;
  }
  if (job.dry_run()) {
    job.finish(MESURA_REPLY_PLAN, fmt::format("would ask {}", line));
    return;
  }
  job.port().expect_rows(count);
  job.port().watch(true);
  job.ask("reqSamples", line, [count](Job& j, const Answer& answer) { await_rows(j, answer, count); });
}

std::span<const Flow> flows() {
  static constexpr std::array<Flow, 34> kFlows = {{{"info", false, &query_info},
                                                   {"power", true, &query_power},
                                                   {"voltage", true, &query_voltage},
                                                   {"current", true, &query_current},
                                                   {"energy", true, &query_energy},
                                                   {"frequency", true, &query_frequency},
                                                   {"phase", true, &query_phase},
                                                   {"get_log", true, &query_log},
                                                   {"time", false, &query_time},
                                                   {"register_read", true, &query_register},
                                                   {"ping", false, &ping},
                                                   {"sample", true, &sample},
                                                   {"stop", false, &stop},
                                                   {"cts", false, &clear_to_send},
                                                   {"req_samples", false, &request_rows},
                                                   {"set_log_level", false, &set_log_level},
                                                   {"clear_log", true, &clear_log},
                                                   {"set_name", true, &set_name},
                                                   {"set_mqtt_server", true, &set_mqtt_server},
                                                   {"set_stream_server", true, &set_stream_server},
                                                   {"set_time_server", true, &set_time_server},
                                                   {"add_wifi", true, &add_wifi},
                                                   {"delete_wifi", true, &delete_wifi},
                                                   {"sync_time", false, &sync_time},
                                                   {"calibrate", true, &calibrate},
                                                   {"reset_energy", true, &reset_energy},
                                                   {"daily_restart", true, &daily_restart},
                                                   {"switch", false, &switch_relay},
                                                   {"publish_interval", false, &publish_interval},
                                                   {"register_write", true, &register_write},
                                                   {"restart", false, &restart},
                                                   {"basic_reset", false, &basic_reset},
                                                   {"factory_reset", false, &factory_reset},
                                                   {"raw", false, &raw}}};
  return kFlows;
}

}  // namespace mesura::smartmeter
