using System;
using System.Globalization;

namespace RedisClusterOps.Diagnosis;

/// <summary>What looks so far have seen of one trouble.</summary>
/// <param name="Code">Name of the alert; of a slot <see cref="OpenSlot"/>, whether it is stuck or not.</param>
/// <param name="Target">The node or the slots.</param>
/// <param name="First">When it was first seen, UTC: it may have begun before.</param>
/// <param name="Seen">When it was last seen.</param>
internal sealed record Sight(string Code, string Target, DateTime First, DateTime Seen)
{
    public const string OpenSlot = "SlotOpen";

    /// <summary>When it was last seen to get on; null where it never was.</summary>
    public DateTime? Changed { get; init; }

    public long? KeysLeft { get; init; }

    public RedisOpenSlotState? State { get; init; }

    public string? SourceId { get; init; }

    public string? TargetId { get; init; }

    public static Sight Of(RedisOpenSlot slot) => new(OpenSlot, Name(slot), slot.ObservedAt, slot.ObservedAt)
    {
        Changed = slot.LastProgress,
        KeysLeft = slot.KeysOnSource,
        State = slot.State,
        SourceId = slot.SourceId,
        TargetId = slot.TargetId,
    };

    public static Sight Of(RedisClusterAlert alert) => alert.Code == AlertCode.SlotStuck
        ? new(OpenSlot, alert.Target, alert.Since, alert.ObservedAt) { KeysLeft = alert.KeysLeft }
        : new(alert.Code.ToString(), alert.Target, alert.Since, alert.ObservedAt);

    public static string Name(RedisOpenSlot slot) => slot.Slot.ToString(CultureInfo.InvariantCulture);
}
