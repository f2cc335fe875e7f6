#pragma once

namespace uwsgiref::net {

/// Has the C library give large blocks back to the system as soon as they are freed, however many there were: what a
/// crowd of clients had the server queue is not kept for the next one. Of the whole process.
void give_back_large_blocks() noexcept;

}  // namespace uwsgiref::net
