using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>Reads what an earlier run of a watcher wrote, also where it has been to a file and back and is but properties of that name.</summary>
internal static class EarlierLook
{
    /// <summary>The alerts and open slots in it.</summary>
    /// <exception cref="RedisOperationException">InvalidArgument: it is neither.</exception>
    public static IEnumerable<object> Read(object? given) => (given is PSObject wrapped ? wrapped.BaseObject : given) switch
    {
        null => [],
        RedisClusterAlert alert => [alert],
        RedisOpenSlot slot => [slot],
        RedisClusterHealth health => health.OpenSlots,
        _ => ReadProperties(PSObject.AsPSObject(given)),
    };

    private static IEnumerable<object> ReadProperties(PSObject earlier)
    {
        if (Value(earlier, "OpenSlots") is IEnumerable slots and not string)
            return slots.Cast<object>().SelectMany(Read);
        if (Value(earlier, "Code") is not null && Value(earlier, "Target") is { } target && Time(earlier, "Since") is { } since)
        {
            return Name<AlertCode>(earlier, "Code") is { } code
                ? [new RedisClusterAlert { Code = code, Target = Text(target), Since = since, ObservedAt = Time(earlier, "ObservedAt") ?? since, KeysLeft = Number(earlier, "KeysLeft") }]
                : [];
        }

        if (Number(earlier, "Slot") is >= 0 and <= 16383 and var slot && Name<RedisOpenSlotState>(earlier, "State") is { } state && Time(earlier, "ObservedAt") is { } at)
        {
            return
            [
                new RedisOpenSlot
                {
                    Slot = (int)slot,
                    State = state,
                    SourceId = Value(earlier, "SourceId") is { } source ? Text(source) : null,
                    TargetId = Value(earlier, "TargetId") is { } to ? Text(to) : null,
                    KeysOnSource = Number(earlier, "KeysOnSource"),
                    LastProgress = Time(earlier, "LastProgress"),
                    ObservedAt = at,
                },
            ];
        }

        throw new RedisOperationException(
            FailureCode.InvalidArgument, "-Previous takes what Get-RedisClusterAlert, Get-RedisOpenSlot or Test-RedisCluster wrote before; this is something else.", null, "Get-RedisClusterAlert -StatePath <file>");
    }

    private static object? Value(PSObject of, string name) => of.Properties[name]?.Value is { } value ? (value is PSObject inner ? inner.BaseObject : value) : null;

    private static string Text(object value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty;

    private static long? Number(PSObject of, string name) =>
        Value(of, name) is { } value && long.TryParse(Text(value), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    // An enum comes back from JSON as its number, or as its name.
    private static T? Name<T>(PSObject of, string name)
        where T : struct => Value(of, name) is { } value && Enum.TryParse<T>(Text(value), ignoreCase: true, out var known) && Enum.IsDefined(typeof(T), known) ? known : null;

    private static DateTime? Time(PSObject of, string name) => Value(of, name) switch
    {
        DateTime time => time.ToUniversalTime(),
        string text when DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) => time,
        _ => null,
    };
}
