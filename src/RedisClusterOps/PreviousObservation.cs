using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>
/// Reads the alerts, open slots and traffic that an earlier command wrote. Accepts live objects, and deserialized ones from a CLIXML or
/// JSON file, which have only the properties.
/// </summary>
internal static class PreviousObservation
{
    private const DateTimeStyles UtcByDefault = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;

    /// <summary>Gets the alerts, open slots and traffic in an object.</summary>
    /// <exception cref="RedisOperationException">InvalidArgument: the object contains none of them.</exception>
    public static IEnumerable<object> Read(object? value) => (value is PSObject wrapped ? wrapped.BaseObject : value) switch
    {
        null => [],
        RedisClusterAlert alert => [alert],
        RedisOpenSlot slot => [slot],
        RedisClusterHealth health => health.OpenSlots,
        RedisClusterTraffic traffic => [traffic],
        _ => ReadProperties(PSObject.AsPSObject(value)),
    };

    private static IEnumerable<object> ReadProperties(PSObject source)
    {
        if (Value(source, "OpenSlots") is IEnumerable slots and not string)
            return slots.Cast<object>().SelectMany(Read);
        if (Value(source, "Code") is not null && Value(source, "Target") is { } target && Time(source, "Since") is { } since)
            return ReadAlert(source, Text(target), since);
        if (Number(source, "Slot") is >= 0 and <= 16383 and var slot
            && Enumeration<RedisOpenSlotState>(source, "State") is { } state
            && Time(source, "ObservedAt") is { } observedAt)
        {
            return [ReadOpenSlot(source, (int)slot, state, observedAt)];
        }

        if (Value(source, "NodeId") is { } node && Time(source, "Time") is { } time && source.Properties["MovedReplies"] is not null)
            return [new RedisClusterTraffic { NodeId = Text(node), Time = time, MovedReplies = Number(source, "MovedReplies") }];
        throw new RedisOperationException(
            FailureCode.InvalidArgument,
            "-Previous takes the output of Get-RedisClusterAlert, Get-RedisOpenSlot, Get-RedisClusterHealth or Measure-RedisClusterTraffic;"
                + " this object is something else.",
            null,
            new NextAction(NextActionCode.WriteAlertState) { Node = "<file>" });
    }

    // An alert of a newer version may have an unknown code. It is ignored.
    private static IEnumerable<object> ReadAlert(PSObject source, string target, DateTime since) =>
        Enumeration<AlertCode>(source, "Code") is { } code
            ?
            [
                new RedisClusterAlert
                {
                    Code = code,
                    Target = target,
                    Since = since,
                    ObservedAt = Time(source, "ObservedAt") ?? since,
                    KeysLeft = Number(source, "KeysLeft"),
                },
            ]
            : [];

    private static RedisOpenSlot ReadOpenSlot(PSObject source, int slot, RedisOpenSlotState state, DateTime observedAt) => new()
    {
        Slot = slot,
        State = state,
        SourceId = Value(source, "SourceId") is { } sourceId ? Text(sourceId) : null,
        TargetId = Value(source, "TargetId") is { } targetId ? Text(targetId) : null,
        KeysOnSource = Number(source, "KeysOnSource"),
        LastProgress = Time(source, "LastProgress"),
        ObservedAt = observedAt,
    };

    private static object? Value(PSObject source, string name) =>
        source.Properties[name]?.Value is { } value ? (value is PSObject inner ? inner.BaseObject : value) : null;

    private static string Text(object value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty;

    private static long? Number(PSObject source, string name) =>
        Value(source, name) is { } value && long.TryParse(Text(value), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    // JSON holds an enum as its number or as its name.
    private static T? Enumeration<T>(PSObject source, string name)
        where T : struct =>
        Value(source, name) is { } value
        && Enum.TryParse<T>(Text(value), ignoreCase: true, out var known)
        && Enum.IsDefined(typeof(T), known)
            ? known
            : null;

    private static DateTime? Time(PSObject source, string name) => Value(source, name) switch
    {
        DateTime time => time.ToUniversalTime(),
        string text when DateTime.TryParse(text, CultureInfo.InvariantCulture, UtcByDefault, out var time) => time,
        _ => null,
    };
}
