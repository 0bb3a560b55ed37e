// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "alerts/door.hpp"
#include "transport/http_exchange.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <mutex>
#include <utility>
#include <vector>

namespace mesura::alerts {
namespace {

using Clock = std::chrono::steady_clock;

/// getaddrinfo waits for name servers as long as resolv.conf says; this thread may.
std::vector<runtime::SocketAddress> look_up(const std::string& host, std::uint16_t port, std::string& problem) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  std::vector<runtime::SocketAddress> addresses;
  int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error == EAI_ADDRFAMILY || error == EAI_NONAME) {
    // Loopback alone is no configured address family: numbers still work.
    hints.ai_flags = 0;
    error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  }
  if (error != 0) {
    problem = ::gai_strerror(error);
    return addresses;
  }
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) addresses.emplace_back(a->ai_addr, a->ai_addrlen);
  ::freeaddrinfo(found);
  return addresses;
}

class WebhookCourier final : public Courier {
 public:
  explicit WebhookCourier(const config::Value& options) : timeout_(options["timeout"].duration()) {
    transport::HttpRequest standard;
    request_ = transport::parse_http_request("POST " + options["url"].text(), standard);
    if (!request_) return;
    request_->content_type = "application/json";
    for (const auto& [name, value] : options["headers"].map()) request_->headers.emplace_back(name, value.text());
  }

  Outcome deliver(const Alert& /*alert*/, const std::string& json) override {
    if (!request_) return {"its url cannot be read\n  hint      http://host[:port]/path, in ASCII, without user", true};
    std::string problem;
    const auto addresses = look_up(request_->host, request_->port, problem);
    if (addresses.empty()) return {fmt::format("{} cannot be found: {}", request_->peer(), problem), false};
    request_->body = json;
    const transport::HttpLimits limits{Clock::now() + timeout_, timeout_};
    const auto answer = transport::exchange(*request_, addresses, {}, limits, [this](int fd) { socket(fd); });
    if (answer.status >= 200 && answer.status < 300) return {};
    if (answer.status < 0) return {masked(answer.body), false};
    // What is said of the request itself stays true of the next one; busy and broken servers recover.
    const bool lasting = answer.status < 500 && answer.status != 408 && answer.status != 425 && answer.status != 429;
    return {fmt::format("{} answered {}", request_->peer(), answer.status), lasting};
  }

  void cancel() override {
    const std::lock_guard lock{mutex_};
    cancelled_ = true;
    if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
  }

 private:
  void socket(int fd) {
    const std::lock_guard lock{mutex_};
    socket_ = fd;
    if (cancelled_ && fd >= 0) ::shutdown(fd, SHUT_RDWR);
  }

  /// Paths and queries of webhooks are passwords.
  [[nodiscard]] std::string masked(std::string text) const {
    const std::string& path = request_->path;
    if (path.size() <= 1) return text;
    for (std::size_t at = 0; (at = text.find(path, at)) != std::string::npos; at += 4)
      text.replace(at, path.size(), "/***");
    return text;
  }

  const std::chrono::nanoseconds timeout_;
  std::optional<transport::HttpRequest> request_;
  std::mutex mutex_;
  int socket_ = -1;
  bool cancelled_ = false;
};

}  // namespace

std::unique_ptr<Courier> make_webhook_courier(const config::Value& options) {
  return std::make_unique<WebhookCourier>(options);
}

}  // namespace mesura::alerts
