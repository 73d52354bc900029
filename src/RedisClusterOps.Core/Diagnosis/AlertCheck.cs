using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Diagnosis;

/// <summary>Derives the active alerts from a check and from earlier observations. Pure.</summary>
/// <remarks>
/// Servers do not record when a migration began. The time comes from the journal of our own runs or from earlier observations;
/// if neither has it, the problem counts from now.
/// </remarks>
internal static class AlertCheck
{
    /// <summary>A handover notifies one node after the other, and gossip takes seconds. Until then a conflict is normal.</summary>
    public static readonly TimeSpan ConflictAfter = TimeSpan.FromMinutes(1);

    /// <summary>A client that reads the slot map again after a MOVED does so within seconds. A shorter time counts as this one.</summary>
    private static readonly TimeSpan RedirectsLast = TimeSpan.FromSeconds(10);

    private const string WholeCluster = "cluster";

    // A server's clock may be slightly ahead of ours.
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
        [FindingCode.NodeBusy] = AlertCode.NodeBusy,
        [FindingCode.NodeLoading] = AlertCode.NodeLoading,
        [FindingCode.AuthenticationFailed] = AlertCode.AuthenticationFailed,
        [FindingCode.TooManyClients] = AlertCode.TooManyClients,
        [FindingCode.NodeRefused] = AlertCode.NodeRefused,
    };

    /// <param name="view">The view that the check used.</param>
    /// <param name="health">The check. Its open slots include what the journal records.</param>
    /// <param name="earlier">What earlier checks observed.</param>
    /// <param name="now">UTC.</param>
    /// <param name="stuckAfter">How long an open slot may make no progress.</param>
    /// <param name="maxMoved">How many MOVED replies per second all nodes together may send on the average.</param>
    /// <param name="migrateCalls">How often each source of an open slot ran MIGRATE so far, by its id, as far as it is known.</param>
    public static (IReadOnlyList<RedisClusterAlert> Alerts, IReadOnlyList<Observation> Observations) Check(
        ClusterView view, RedisClusterHealth health, IEnumerable<Observation> earlier, DateTime now, TimeSpan stuckAfter,
        double maxMoved = 10, IReadOnlyDictionary<string, long>? migrateCalls = null)
    {
        var history = new ObservationHistory(earlier, now);
        var alerts = new List<RedisClusterAlert>();
        var observations = new List<Observation>();
        foreach (var finding in health.Findings.Where(finding => Alerting.ContainsKey(finding.Code)))
        {
            var alert = AlertOf(finding, view, history, now) with { Cluster = health.Cluster };
            var code = alert.Code.ToString();
            observations.Add(new Observation(code, alert.Target, history.FirstSeen(code, alert.Target) ?? now, now));
            if (now - alert.Since >= alert.Threshold)
                alerts.Add(alert);
        }

        var stuck = new Dictionary<RedisOpenSlot, (DateTime Since, bool IsExact)>();
        foreach (var open in health.OpenSlots.Where(open => CanBeStuck(open.State)))
        {
            var observation = Observe(open, history, view, now, migrateCalls);
            observations.Add(observation);
            var since = SinceOf(open, observation, now);
            if (now - since.Since > stuckAfter)
                stuck[open] = since;
        }

        observations.AddRange(MovedReplies(view, now));
        if (RedirectsOf(view, history, now, maxMoved) is { } redirected)
        {
            alerts.Add(redirected with { Cluster = health.Cluster });
            observations.Add(new Observation(redirected.Code.ToString(), redirected.Target, redirected.Since, now));
        }

        foreach (var group in OpenSlotGroup.Of(stuck.Keys))
            alerts.Add(AlertOf(group, group.Slots.Select(open => stuck[open]).Min(), now, stuckAfter));

        // While an end is unreachable its flag is invisible and the slot seems closed, so the observation is kept.
        var unreachable = new HashSet<string>(view.Unreachable.Select(node => node.Id), StringComparer.Ordinal);
        var seen = new HashSet<string>(observations.Where(IsOpenSlot).Select(observation => observation.Target), StringComparer.Ordinal);
        observations.AddRange(history.All.Where(observation => IsOpenSlot(observation) && !seen.Contains(observation.Target)
            && (IsUnreachable(observation.SourceId) || IsUnreachable(observation.TargetId))));
        return (alerts.OrderByDescending(alert => alert.Severity).ThenBy(alert => alert.Code).ToList(), observations);

        static bool IsOpenSlot(Observation observation) => observation.Code == Observation.OpenSlot;

        bool IsUnreachable(string? id) => id is not null && unreachable.Contains(id);
    }

    /// <summary>An alert for slots of which neither the journal nor an earlier check knows since when they are open.</summary>
    public static IEnumerable<RedisClusterAlert> OfUnknownAge(IEnumerable<RedisOpenSlot> openSlots, DateTime now) =>
        OpenSlotGroup.Of(openSlots.Where(open => open.LastProgress is null && CanBeStuck(open.State))).Select(group =>
        Alert(group, now) with
        {
            Code = AlertCode.SlotOpen,
            Severity = FindingSeverity.Warning,
            Since = now,
            Message = "Open since an unknown time: " + group.What + ". No earlier check and no run of the journal covers "
                + (group.Count == 1 ? "it" : "them") + ". Clients: " + group.ClientsSee + ".",
            Next = group.Next is null ? null : group.Next with
            {
                Or = group.Next.Or
                    ?? new NextAction(NextActionCode.WriteAlertState) { Node = "<file>", Note = "records the time for the next check" },
            },
        });

    /// <summary>The other states are findings and alerts of their own: no owner, or two claims.</summary>
    internal static bool CanBeStuck(RedisOpenSlotState state) =>
        state is not (RedisOpenSlotState.Unowned or RedisOpenSlotState.ClaimedWithoutEpoch);

    private static IEnumerable<Observation> MovedReplies(ClusterView view, DateTime now) => view.Nodes
        .Where(node => node.View?.Facts.ErrorReplies("MOVED") is not null)
        .Select(node => new Observation(Observation.MovedReplies, node.Id, now, now) { Count = node.View!.Facts.ErrorReplies("MOVED") });

    // One stale client is redirected by every master, so the nodes count together. A count that fell is that of a restarted node.
    private static RedisClusterAlert? RedirectsOf(ClusterView view, ObservationHistory history, DateTime now, double maxMoved)
    {
        var rates = new List<(string Node, double Rate, DateTime From)>();
        foreach (var seen in MovedReplies(view, now))
        {
            if (history.Last(Observation.MovedReplies, seen.Target) is { } before && before.Count <= seen.Count)
            {
                var seconds = Math.Max((now - before.Last).TotalSeconds, RedirectsLast.TotalSeconds);
                rates.Add((view.Node(seen.Target)!.Name, ((double)seen.Count - before.Count!.Value) / seconds, before.Last));
            }
        }

        var sum = rates.Sum(rate => rate.Rate);
        if (sum <= maxMoved)
            return null;
        var from = rates.Min(rate => rate.From);
        var window = now - from < RedirectsLast ? RedirectsLast : now - from;
        var since = history.FirstSeen(nameof(AlertCode.ClientsRedirected), WholeCluster) ?? from;
        const int Shown = 3;
        var most = rates.Where(rate => rate.Rate > 0).OrderByDescending(rate => rate.Rate).ThenBy(rate => rate.Node, StringComparer.Ordinal)
            .ToList();
        return new RedisClusterAlert
        {
            Code = AlertCode.ClientsRedirected,
            Severity = FindingSeverity.Warning,
            Target = WholeCluster,
            Since = since,
            Message = "The nodes sent " + Rounded(sum) + " MOVED replies per second in the last " + Duration.Shown(window) + ": "
                + string.Join(", ", most.Take(Shown).Select(rate => rate.Node + " " + Rounded(rate.Rate)))
                + (most.Count > Shown ? " and " + Rounded(most.Count - Shown) + " more" : string.Empty)
                + ". A client keeps an old slot map, or does not support clusters."
                + (since < from ? " For at least " + Duration.Shown(now - since) + "." : string.Empty),
            Next = new NextAction(NextActionCode.MeasureTraffic)
            {
                Note = "then CLIENT LIST on these nodes: lib-name and lib-ver name the library of each client",
            },
            ObservedAt = now,
        };

        static string Rounded(double rate) => rate.ToString(rate < 10 ? "0.#" : "0", CultureInfo.InvariantCulture);
    }

    private static Observation Observe(
        RedisOpenSlot open, ObservationHistory history, ClusterView view, DateTime now, IReadOnlyDictionary<string, long>? migrateCalls)
    {
        var calls = 0L;
        var isKnown = open.SourceId is { } source && migrateCalls is not null && migrateCalls.TryGetValue(source, out calls);
        var observed = Observation.Of(open) with { First = now, Last = now, Changed = null, Count = isKnown ? calls : null };
        if (history.OfOpenSlot(observed.Target) is not { } before)
            return observed;
        // While an end is unreachable the slot is in another state although nothing was done.
        var ends = new[] { before.SourceId, before.TargetId, open.SourceId, open.TargetId };
        var comparable = ends.All(id => id is null || view.Node(id) is { IsReachable: true }) ? observed : observed with { State = null };
        return observed with
        {
            First = before.First,
            Changed = Observation.HasProgressed(before, comparable) ? now : before.Changed,
            KeysLeft = observed.KeysLeft ?? before.KeysLeft,
            Count = observed.Count ?? before.Count,
            State = comparable.State ?? before.State ?? observed.State,
            SourceId = observed.SourceId ?? before.SourceId,
            TargetId = observed.TargetId ?? before.TargetId,
        };
    }

    private static (DateTime Since, bool IsExact) SinceOf(RedisOpenSlot open, Observation observation, DateTime now)
    {
        var isRecorded = open.LastProgress is { } last && (observation.Changed is null || last >= observation.Changed);
        var recorded = isRecorded ? open.LastProgress : null;
        var since = recorded ?? observation.Changed ?? observation.First;
        return (since < now ? since : now, recorded is not null);
    }

    // Since when is the time of the slot that has been stuck the longest.
    private static RedisClusterAlert AlertOf(
        OpenSlotGroup group, (DateTime Since, bool IsExact) since, DateTime now, TimeSpan stuckAfter) => Alert(group, now) with
    {
        Code = AlertCode.SlotStuck,
        // A server-side migration shows no progress until it is complete.
        Severity = group.First.State == RedisOpenSlotState.Atomic ? FindingSeverity.Warning : FindingSeverity.Error,
        Since = since.Since,
        IsSinceExact = since.IsExact,
        Threshold = stuckAfter,
        Message = StuckMessage(group, now - since.Since, since.IsExact) + " Clients: " + group.ClientsSee + ".",
    };

    private static RedisClusterAlert Alert(OpenSlotGroup group, DateTime now) => new()
    {
        Target = group.Target,
        Next = group.Next,
        PercentComplete = group.PercentComplete,
        KeysLeft = group.KeysLeft,
        ObservedAt = now,
        Cluster = group.First.Cluster,
    };

    private static string StuckMessage(OpenSlotGroup group, TimeSpan time, bool isExact)
    {
        var span = (isExact ? string.Empty : "at least ") + Duration.Shown(time);
        if (group.First.State == RedisOpenSlotState.Atomic)
            return "The servers have been moving the slots for " + span + ": " + group.What + ". Their progress is not visible.";
        var percent = group.PercentComplete is { } known ? " at " + known.ToString(CultureInfo.InvariantCulture) + " %" : string.Empty;
        var left = group.KeysLeft is { } keys
            ? ", " + Count(keys, "key") + " left on the source"
            : string.Empty;
        return "Stuck" + percent + " for " + span + ": " + group.What + left + ".";
    }

    private static RedisClusterAlert AlertOf(RedisClusterFinding finding, ClusterView view, ObservationHistory history, DateTime now)
    {
        var code = Alerting[finding.Code];
        var recorded = RecordedByServers(code, view, finding.Target, now);
        var since = recorded ?? history.FirstSeen(code.ToString(), finding.Target) ?? now;
        var time = now - since;
        return new RedisClusterAlert
        {
            Code = code,
            Severity = finding.Severity,
            Target = finding.Target,
            Since = since,
            IsSinceExact = recorded is not null,
            Threshold = code == AlertCode.SlotOwnerConflict ? ConflictAfter : TimeSpan.Zero,
            Message = finding.Message + (recorded is not null ? " For " + Duration.Shown(time) + "."
                : time > TimeSpan.Zero ? " For at least " + Duration.Shown(time) + "."
                : " First seen now."),
            Next = finding.Next,
            ObservedAt = now,
        };
    }

    // Servers record the time of two problems: the last answer from a node, and the loss of a replica's link to its master.
    private static DateTime? RecordedByServers(AlertCode code, ClusterView view, string target, DateTime now)
    {
        if (code is not (AlertCode.NodeFail or AlertCode.NodePFail or AlertCode.ReplicaLinkDown))
            return null;
        var names = target.Split(',');
        return view.Nodes.Where(node => names.Contains(node.Name)).Select(OfNode).Min();

        DateTime? OfNode(ClusterNode node)
        {
            var since = code == AlertCode.ReplicaLinkDown
                ? node.View?.Facts.Number("master_link_down_since_seconds") is { } seconds and >= 0 and < int.MaxValue
                    ? now - TimeSpan.FromSeconds(seconds)
                    : (DateTime?)null
                : view.Nodes.Select(other => other.View?.Line(node.Id)).Max(line => ServerTime.Of(line?.PongReceived ?? 0));
            return since is { } time && time <= now + ClockSkew ? (time < now ? time : now) : null;
        }
    }
}
