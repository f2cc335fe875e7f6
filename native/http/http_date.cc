#include "http/http_date.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace uwsgiref::http {
namespace {

// The years that four digits can write.
constexpr std::time_t kFirstSecond = -62'167'219'200;  // 0000-01-01 00:00:00
constexpr std::time_t kLastSecond = 253'402'300'799;   // 9999-12-31 23:59:59

constexpr char kDayNames[] = "SunMonTueWedThuFriSat";
constexpr char kMonthNames[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

void put_two_digits(char* out, unsigned value) noexcept {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

}  // namespace

void format_http_date(std::time_t when, std::span<char, kHttpDateSize> out) noexcept {
  const std::chrono::sys_seconds instant{std::chrono::seconds{std::clamp(when, kFirstSecond, kLastSecond)}};
  const auto midnight = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date{midnight};
  const std::chrono::hh_mm_ss time{instant - midnight};
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));

  char* const text = out.data();
  std::memcpy(text, "Day, 00 Mon 0000 00:00:00 GMT", kHttpDateSize);
  std::memcpy(text, kDayNames + 3 * std::chrono::weekday{midnight}.c_encoding(), 3);
  put_two_digits(text + 5, static_cast<unsigned>(date.day()));
  std::memcpy(text + 8, kMonthNames + 3 * (static_cast<unsigned>(date.month()) - 1), 3);
  put_two_digits(text + 12, year / 100);
  put_two_digits(text + 14, year % 100);
  put_two_digits(text + 17, static_cast<unsigned>(time.hours().count()));
  put_two_digits(text + 20, static_cast<unsigned>(time.minutes().count()));
  put_two_digits(text + 23, static_cast<unsigned>(time.seconds().count()));
}

}  // namespace uwsgiref::http
