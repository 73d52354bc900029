using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Diagnosis;

/// <summary>From what is seen now and what was seen before to the alerts that are active, and what to remember. Pure.</summary>
/// <remarks>Servers keep no time of a migration. It comes from the journal of our own runs, or from looks of this watcher; where both are silent it is <i>since at least now</i>.</remarks>
internal static class AlertWatch
{
    /// <summary>A hand-over tells one node after the other, and gossip takes seconds: that is no conflict yet.</summary>
    public static readonly TimeSpan ConflictAfter = TimeSpan.FromMinutes(1);

    // A server's clock may be a little ahead of ours.
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    private static readonly IReadOnlyDictionary<FindingCode, AlertCode> Alerting = new Dictionary<FindingCode, AlertCode>
    {
        [FindingCode.SlotUncovered] = AlertCode.SlotUncovered,
        [FindingCode.SlotOwnerConflict] = AlertCode.SlotOwnerConflict,
        [FindingCode.ClusterStateFail] = AlertCode.ClusterStateFail,
        [FindingCode.NodeFail] = AlertCode.NodeFail,
        [FindingCode.NodePFail] = AlertCode.NodePFail,
        [FindingCode.NodeHandshake] = AlertCode.NodeHandshake,
        [FindingCode.NodeUnreachable] = AlertCode.NodeUnreachable,
        [FindingCode.ReplicaLinkDown] = AlertCode.ReplicaLinkDown,
        [FindingCode.ReplicaLag] = AlertCode.ReplicaLag,
        [FindingCode.MemoryPressure] = AlertCode.MemoryPressure,
    };

    /// <param name="view">What the check was made of.</param>
    /// <param name="health">The check; its open slots know what the journal knows.</param>
    /// <param name="before">What earlier looks have seen.</param>
    /// <param name="now">UTC.</param>
    /// <param name="stuckAfter">How long an open slot may make no progress.</param>
    public static (IReadOnlyList<RedisClusterAlert> Alerts, IReadOnlyList<Sight> Sights) Look(
        ClusterView view, RedisClusterHealth health, IEnumerable<Sight> before, DateTime now, TimeSpan stuckAfter)
    {
        var book = new SightBook(before, now);
        var alerts = new List<RedisClusterAlert>();
        var sights = new List<Sight>();
        foreach (var finding in health.Findings.Where(finding => Alerting.ContainsKey(finding.Code)))
        {
            var alert = Of(finding, view, book, now) with { Cluster = health.Cluster };
            sights.Add(new Sight(alert.Code.ToString(), alert.Target, book.FirstSeen(alert.Code.ToString(), alert.Target) ?? now, now));
            if (now - alert.Since >= alert.Threshold)
                alerts.Add(alert);
        }

        foreach (var open in health.OpenSlots.Where(open => CanBeStuck(open.State)))
        {
            var sight = See(open, book, view, now);
            sights.Add(sight);
            var alert = Of(open, sight, now, stuckAfter);
            if (now - alert.Since > stuckAfter)
                alerts.Add(alert);
        }

        // While an end does not answer its flag is not seen, and the slot seems closed: that ends nothing.
        var away = new HashSet<string>(view.Unreachable.Select(node => node.Id), StringComparer.Ordinal);
        var seen = new HashSet<string>(sights.Where(sight => sight.Code == Sight.OpenSlot).Select(sight => sight.Target), StringComparer.Ordinal);
        sights.AddRange(book.All.Where(sight => sight.Code == Sight.OpenSlot && !seen.Contains(sight.Target) && (IsAway(sight.SourceId) || IsAway(sight.TargetId))));
        return (alerts.OrderByDescending(alert => alert.Severity).ThenBy(alert => alert.Code).ToList(), sights);

        bool IsAway(string? id) => id is not null && away.Contains(id);
    }

    /// <summary>What a look with this state adds to what is known of an open slot: since when, and how fast.</summary>
    public static RedisOpenSlot Told(RedisOpenSlot open, SightBook book)
    {
        if (book.OpenSlot(Sight.Name(open)) is not { } before)
            return open;
        var moved = before.KeysLeft - open.KeysOnSource;
        var time = (open.ObservedAt - before.Seen).TotalSeconds;
        var rate = open.KeysPerSecond ?? (moved > 0 && time > 0 && TellsByKeys(open.State) ? moved.Value / time : null);
        return open with
        {
            Since = open.Since is { } since && since < before.First ? since : before.First,
            LastProgress = moved is not (null or 0) && TellsByKeys(open.State) ? open.ObservedAt : new[] { open.LastProgress, before.Changed }.Max(),
            KeysPerSecond = rate,
            TimeLeft = open.TimeLeft ?? Pace.TimeLeft(open.PercentComplete, open.KeysOnSource, rate),
        };
    }

    /// <summary>Whether something was done between two looks at one slot.</summary>
    internal static bool HasGotOn(Sight before, Sight now) =>
        (before.State is { } state && now.State is { } present && state != present)
        || Differ(before.SourceId, now.SourceId) || Differ(before.TargetId, now.TargetId)
        || ((now.State is null || TellsByKeys(now.State.Value)) && before.KeysLeft is { } left && now.KeysLeft is { } keys && left != keys);

    private static bool Differ(string? one, string? other) => one is not null && other is not null && one != other;

    // Only while its owner migrates can a slot's keys on the source not grow; elsewhere clients write there, and the count says nothing.
    private static bool TellsByKeys(RedisOpenSlotState state) => state is
        RedisOpenSlotState.Migrating or RedisOpenSlotState.Drained or RedisOpenSlotState.MigratingOnly or RedisOpenSlotState.TargetFailedOver;

    // The others are findings of their own, and alerts: nobody owns it, or two claim it.
    internal static bool CanBeStuck(RedisOpenSlotState state) => state is not (RedisOpenSlotState.Unowned or RedisOpenSlotState.ClaimedWithoutEpoch);

    private static Sight See(RedisOpenSlot open, SightBook book, ClusterView view, DateTime now)
    {
        var seen = Sight.Of(open) with { First = now, Seen = now, Changed = null };
        if (book.OpenSlot(seen.Target) is not { } before)
            return seen;
        // With an end away the state goes by another name although nothing was done.
        var comparable = Answers(view, before.SourceId) && Answers(view, before.TargetId) && Answers(view, open.SourceId) && Answers(view, open.TargetId) ? seen : seen with { State = null };
        return seen with
        {
            First = before.First,
            Changed = HasGotOn(before, comparable) ? now : before.Changed,
            KeysLeft = seen.KeysLeft ?? before.KeysLeft,
            State = comparable.State ?? before.State ?? seen.State,
            SourceId = seen.SourceId ?? before.SourceId,
            TargetId = seen.TargetId ?? before.TargetId,
        };
    }

    private static bool Answers(ClusterView view, string? id) => id is null || view.Node(id) is { IsReachable: true };

    private static RedisClusterAlert Of(RedisOpenSlot open, Sight sight, DateTime now, TimeSpan stuckAfter)
    {
        var byJournal = open.LastProgress is { } told && (sight.Changed is null || told >= sight.Changed) ? told : (DateTime?)null;
        var since = byJournal ?? sight.Changed ?? sight.First;
        since = since < now ? since : now;
        return new RedisClusterAlert
        {
            Code = AlertCode.SlotStuck,
            // What the servers move themselves shows nothing until it is done.
            Severity = open.State == RedisOpenSlotState.Atomic ? FindingSeverity.Warning : FindingSeverity.Error,
            Target = sight.Target,
            Since = since,
            IsSinceExact = byJournal is not null,
            Threshold = stuckAfter,
            Message = Stuck(open, now - since, byJournal is not null) + " Clients: " + open.ClientsSee + ".",
            Next = open.Next,
            PercentComplete = open.PercentComplete,
            KeysLeft = open.KeysOnSource,
            ObservedAt = now,
            Cluster = open.Cluster,
        };
    }

    private static string Stuck(RedisOpenSlot open, TimeSpan time, bool exact)
    {
        var span = (exact ? string.Empty : "at least ") + Duration.Shown(time);
        var ends = open.Source is not null && open.Target is not null ? open.Source + " -> " + open.Target : "no single pair of masters";
        var left = open.KeysOnSource is { } keys ? ", " + keys.ToString(CultureInfo.InvariantCulture) + (keys == 1 ? " key" : " keys") + " left on the source" : string.Empty;
        return open.State == RedisOpenSlotState.Atomic
            ? "The servers have been moving it, " + ends + ", for " + span + "; how far they are can't be seen from outside."
            : "Stuck" + (open.PercentComplete is { } percent ? " at " + percent.ToString(CultureInfo.InvariantCulture) + " %" : string.Empty)
                + " for " + span + ": " + open.State + ", " + ends + left + ".";
    }

    private static RedisClusterAlert Of(RedisClusterFinding finding, ClusterView view, SightBook book, DateTime now)
    {
        var code = Alerting[finding.Code];
        var told = ToldByServers(code, view, finding.Target, now);
        var since = told ?? book.FirstSeen(code.ToString(), finding.Target) ?? now;
        var time = now - since;
        return new RedisClusterAlert
        {
            Code = code,
            Severity = finding.Severity,
            Target = finding.Target,
            Since = since,
            IsSinceExact = told is not null,
            Threshold = code == AlertCode.SlotOwnerConflict ? ConflictAfter : TimeSpan.Zero,
            Message = finding.Message + (told is not null ? " For " + Duration.Shown(time) + "." : time > TimeSpan.Zero ? " For at least " + Duration.Shown(time) + "." : " First seen now."),
            Next = finding.Next,
            ObservedAt = now,
        };
    }

    // Two troubles of which the servers do keep the time: when anybody last heard from a node, and how long a replica has been without its master.
    private static DateTime? ToldByServers(AlertCode code, ClusterView view, string target, DateTime now)
    {
        if (code is not (AlertCode.NodeFail or AlertCode.NodePFail or AlertCode.ReplicaLinkDown) || view.Nodes.FirstOrDefault(node => node.Name == target) is not { } node)
            return null;
        var since = code == AlertCode.ReplicaLinkDown
            ? node.View?.Facts.Number("master_link_down_since_seconds") is { } seconds and >= 0 and < int.MaxValue ? now - TimeSpan.FromSeconds(seconds) : (DateTime?)null
            : view.Nodes.Select(other => other.View?.Line(node.Id)).Max(line => ServerTime.Of(line?.PongReceived ?? 0));
        return since is { } time && time <= now + ClockSkew ? (time < now ? time : now) : null;
    }
}
