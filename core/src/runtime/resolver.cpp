// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/resolver.hpp"

#include <netdb.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace mesura::runtime {

struct Resolution::State {
  std::mutex mutex;
  EventLoop* loop;  // null once cancelled: the loop may be gone
  std::function<void(Resolved)> callback;

  State(EventLoop& l, std::function<void(Resolved)> c) : loop(&l), callback(std::move(c)) {}

  void finish(const std::shared_ptr<State>& self, Resolved result) {
    const std::lock_guard lock{mutex};
    if (loop == nullptr) return;
    loop->post([self, result = std::move(result)]() mutable { self->deliver(std::move(result)); });
  }

  void deliver(Resolved result) {
    std::function<void(Resolved)> to_call;
    {
      const std::lock_guard lock{mutex};
      if (loop == nullptr) return;
      loop = nullptr;
      to_call = std::move(callback);
    }
    to_call(std::move(result));
  }

  void cancel() {
    std::function<void(Resolved)> dropped;  // destroyed outside the lock: it may own anything
    const std::lock_guard lock{mutex};
    loop = nullptr;
    dropped.swap(callback);
  }
};

namespace {

struct Job {
  std::string host;
  std::uint16_t port;
  int type;
  std::shared_ptr<Resolution::State> state;
};

Resolved look_up(const Job& job) {
  addrinfo hints{};
  hints.ai_socktype = job.type;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  Resolved result;
  const int error = ::getaddrinfo(job.host.c_str(), std::to_string(job.port).c_str(), &hints, &found);
  if (error != 0) {
    result.error = error == EAI_SYSTEM ? std::generic_category().message(errno) : ::gai_strerror(error);
    return result;
  }
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next)
    result.addresses.emplace_back(a->ai_addr, a->ai_addrlen);
  ::freeaddrinfo(found);
  return result;
}

class Pool {
 public:
  // Never destroyed: a helper may sit in getaddrinfo for seconds while the process ends.
  static Pool& instance() {
    static auto* const pool = new Pool;
    return *pool;
  }

  void submit(Job job) {
    const std::lock_guard lock{mutex_};
    jobs_.push_back(std::move(job));
    if (workers_ == kMaxWorkers) return;
    ++workers_;
    std::thread{[this] { work(); }}.detach();
  }

 private:
  static constexpr int kMaxWorkers = 4;

  void work() {
    std::unique_lock lock{mutex_};
    while (!jobs_.empty()) {
      const Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job.state->finish(job.state, look_up(job));
      lock.lock();
    }
    --workers_;
  }

  std::mutex mutex_;
  std::deque<Job> jobs_;
  int workers_ = 0;
};

}  // namespace

Resolution& Resolution::operator=(Resolution&& other) noexcept {
  if (this != &other) {
    cancel();
    state_ = std::move(other.state_);
  }
  return *this;
}

void Resolution::cancel() {
  if (const auto state = std::exchange(state_, nullptr)) state->cancel();
}

Resolution resolve(EventLoop& loop, const std::string& host, std::uint16_t port, int type,
                   std::function<void(Resolved)> callback) {
  auto state = std::make_shared<Resolution::State>(loop, std::move(callback));
  if (auto numeric = SocketAddress::parse(host, port)) {
    state->finish(state, Resolved{{*numeric}, {}});
  } else {
    Pool::instance().submit({host, port, type, state});
  }
  return Resolution{std::move(state)};
}

}  // namespace mesura::runtime
