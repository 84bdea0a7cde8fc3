"""Which test reaches which limit. A limit is a field of the sections below or a constant of core_rs/src/limits.rs.

Each entry names a test as `file::function`, and a text its file must contain: the limit's own name where it is set,
else the number or sentence by which it is met.
"""

WINDOW, MQTT, JOURNAL = "core_rs/src/window/tests", "core_rs/src/receive/mqtt/tests", "core_rs/src/journal/tests"
HL7 = "core_rs/src/decode/hl7/tests"
ATTACKS, DOORS = "tests/acceptance/test_attacks.py", "tests/acceptance/test_doors.py"
COPIES, BATCHES = "tests/unit/pipeline/test_redelivery.py", "tests/unit/pipeline/test_batches.py"
LANE, RECEIPTS = "tests/unit/pipeline/test_lane.py", "tests/unit/receive/test_receipts.py"
STREAM, HUB = "tests/integration/publish/test_stream.py", "tests/unit/publish/test_hub.py"
REDIS, PUBLISH = "tests/integration/publish/test_redis_channels.py", "tests/unit/publish/test_publish_limits.py"
NOTIFY, PACE = "tests/integration/notify/test_delivery.py", "tests/unit/notify/test_waiting.py"
SLOW = f"{ATTACKS}::test_p5_a_slow_sender_is_cut_off_and_keeps_nobody_out"
HOSTILE = f"{ATTACKS}::test_p5_a_hostile_body_is_answered_with_the_limit_it_met"

#: Limit to (test, text).
REACHED: dict[str, tuple[str, str]] = {
    # core_rs/src/limits.rs and settings.Limits
    "frame_bytes_max": (f"{DOORS}::test_one_mebibyte_is_taken_and_one_byte_more_is_not", "MIB + 1"),
    "hl7_segments_max": (HOSTILE, '"10000 segments"'),
    "hl7_batch_messages_max": (HOSTILE, '"1000 messages"'),
    "frame_observations_max": (HOSTILE, '"10000 observ"'),
    "future_s_max": (f"{COPIES}::test_p2_a_copy_is_judged_by_the_time_its_message_was_received", "future_s_max=1"),
    "past_s_max": (f"{HL7}/oru.rs::times_outside_the_limits_or_missing_are_refused", "AncientTime"),
    "patients_max": (f"{WINDOW}/room.rs::p5_the_patient_silent_longest_makes_room_for_who_is_here_now", "PatientLimit"),
    "signal_observations_max": (
        f"{WINDOW}/snapshot.rs::the_cap_folds_the_oldest_keeps_the_newest_and_is_counted",
        "signal_observations_max",
    ),
    "message_ids_max": (
        f"{COPIES}::test_p5_the_memory_of_ids_never_holds_more_than_its_limit_also_after_a_restart",
        "message_ids_max",
    ),
    "journal_bytes_max": (
        "tests/acceptance/test_promises.py::test_a_full_journal_refuses_with_507_and_keeps_what_it_has",
        "JOURNAL_BYTES_MAX",
    ),
    "journal_segment_bytes_max": (
        f"{JOURNAL}/full_disk.rs::p5_without_room_for_another_segment_the_old_one_goes_on_and_ends_later",
        "one_segment",
    ),
    "journal_waiting_bytes_max": (
        f"{JOURNAL}/durability.rs::a_slow_disk_refuses_instead_of_growing",
        "waiting_bytes_max",
    ),
    "mqtt_connections_max": (
        f"{MQTT}/limits.rs::p5_connections_above_the_limit_are_told_busy_and_seats_come_back",
        "mqtt_connections_max",
    ),
    "mqtt_inflight_max": (f"{MQTT}/limits.rs::p5_the_receive_maximum_holds", "mqtt_inflight_max"),
    "batches_waiting_max": (
        f"{BATCHES}::test_p5_with_nobody_to_take_batches_the_pipeline_waits_and_senders_are_acknowledged",
        "batches_waiting_max=2",
    ),
    "batch_frames_max": (f"{BATCHES}::test_p5_a_batch_holds_no_more_frames_than_its_limit", "batch_frames_max=4"),
    "MQTT_CONNECT_BYTES_MAX": (f"{MQTT}/limits.rs::p5_a_connect_above_64_kib_is_refused_before_it_is_read", "0x10"),
    "MQTT_CLIENT_ID_BYTES_MAX": (f"{MQTT}/connect.rs::a_client_id_beyond_the_limit_is_refused", "257"),
    "MQTT_TOPIC_ALIASES_MAX": (f"{MQTT}/publish.rs::topic_aliases_are_followed_and_unknown_ones_refused", "17"),
    # settings.Http
    "body_timeout_s": (SLOW, "BODY_TIMEOUT_S"),
    "receipt_timeout_s": (f"{RECEIPTS}::test_a_silent_disk_gives_503_with_retry_after", "timeout_s=0.01"),
    "receipts_max": (f"{RECEIPTS}::test_the_number_waiting_is_bounded", "receipts_max=2"),
    "concurrency_max": (
        f"{ATTACKS}::test_p5_connections_beyond_the_limit_are_told_503_and_those_that_stand_go_on",
        "CONCURRENCY_MAX",
    ),
    "head_bytes_max": (f"{ATTACKS}::test_p5_a_head_too_large_is_told_431_and_the_limit", "65536 bytes"),
    "head_timeout_s": (SLOW, "HEAD_TIMEOUT_S"),
    "write_timeout_s": (f"{ATTACKS}::test_p5_a_client_that_never_reads_is_dropped", "WRITE_TIMEOUT_S"),
    # settings.Lane
    "memory_bytes_max": (
        f"{LANE}::test_memory_is_bounded_and_the_spool_is_emptied_when_it_runs_dry",
        "memory_bytes_max",
    ),
    "spool_bytes_max": (f"{LANE}::test_a_full_spool_makes_the_pipeline_wait_and_room_lets_it_go_on", "spool_bytes_max"),
    # settings.Replay
    "concurrency_max of replay": (
        "tests/unit/as_of/test_limits.py::test_a_second_past_is_refused_while_one_is_computed",
        "Replay()",
    ),
    "time_s_max": ("core_rs/tests/as_of/main.rs::a_replay_ends_when_its_time_is_over_or_the_server_stops", "TooLong"),
    "simulate_s_max": (
        "core_rs/tests/simulate/main.rs::a_simulation_stops_when_it_is_told_to_and_when_its_time_is_over",
        "TooLong",
    ),
    # settings.Notify and settings.Channel
    "age_s_max": (f"{NOTIFY}::test_p5_attempts_and_age_are_bounded", "age_s_max=10"),
    "attempts_max": (f"{NOTIFY}::test_p5_attempts_and_age_are_bounded", "attempts_max=3"),
    "attempt_s_max": (f"{NOTIFY}::test_a_service_that_hangs_holds_up_nobody_else_and_is_given_up", '"timeout"'),
    "backoff_s_min": (f"{PACE}::test_p5_a_pause_stays_within_its_bounds", "least_s"),
    "backoff_s_max": (f"{PACE}::test_p5_a_pause_stays_within_its_bounds", "most_s"),
    "queue_max": (f"{NOTIFY}::test_p5_a_full_queue_gives_up_the_least_urgent_and_says_so", "queue_max=3"),
    "rate_per_minute_max": (f"{NOTIFY}::test_p5_no_more_messages_a_minute_than_the_channel_allows", "rate=2"),
    "dead_s": (f"{NOTIFY}::test_a_channel_that_fails_for_long_is_dead_after_few_attempts", "dead_s=0.5"),
    # publish.limits.PublishLimits
    "clients_max": (
        f"{STREAM}::test_more_clients_than_places_are_refused_and_a_free_place_is_given_again",
        "clients_max=1",
    ),
    "client_alerts_max": (
        f"{HUB}::test_a_client_with_too_many_unread_alerts_is_closed_with_1013_and_resumes_without_gap",
        "client_alerts_max=5",
    ),
    "alert_ring_max": (
        f"{STREAM}::test_what_the_ring_no_longer_has_comes_from_the_store_in_pages",
        "alert_ring_max=10",
    ),
    "history_page_max": (
        f"{STREAM}::test_what_the_ring_no_longer_has_comes_from_the_store_in_pages",
        "history_page_max=20",
    ),
    "client_message_bytes_max": (f"{PUBLISH}::test_p5_a_message_of_a_client_is_bounded", "client_message_bytes_max"),
    "subscription_names_max": (f"{PUBLISH}::test_p5_the_names_of_a_subscription_are_bounded", "subscription_names_max"),
    "write_bytes_target": (f"{PUBLISH}::test_p5_one_write_to_a_client_is_bounded", "write_bytes_target"),
    "heartbeat_s": (f"{STREAM}::test_heartbeats_come_every_second_even_when_nothing_happens", "heartbeat_s"),
    "patient_gap_s": (
        f"{STREAM}::test_many_small_batches_are_gathered_and_an_alert_does_not_wait_for_them",
        "patient_gap_s",
    ),
    "subscribe_s_max": (f"{STREAM}::test_silence_instead_of_a_subscription_closes", "subscribe_s_max"),
    "reauthenticate_s": (f"{STREAM}::test_a_revoked_credential_ends_a_standing_connection", "reauthenticate_s"),
    "client_message_gap_s": (f"{STREAM}::test_p5_a_client_that_talks_too_fast_waits", "client_message_gap_s"),
    "close_s_max": (f"{STREAM}::test_a_stalled_client_holds_nobody_up_and_is_let_go", "close_s_max"),
    "redis_alerts_max": (
        f"{REDIS}::test_a_redis_away_for_too_long_costs_the_oldest_alerts_and_the_counter_says_how_many",
        "redis_alerts_max",
    ),
    "redis_patients_max": (
        f"{REDIS}::test_a_redis_away_for_too_long_costs_the_oldest_alerts_and_the_counter_says_how_many",
        "redis_patients_max",
    ),
    "redis_pipeline_max": (
        f"{PUBLISH}::test_p5_what_is_sent_to_redis_before_its_answer_is_bounded",
        "redis_pipeline_max=7",
    ),
    "redis_retry_s_max": (f"{REDIS}::test_redis_down_at_the_start_delays_alerts_and_loses_none", "redis_retry_s_max"),
    "redis_timeout_s": (f"{REDIS}::test_redis_down_at_the_start_delays_alerts_and_loses_none", "redis_timeout_s"),
}
