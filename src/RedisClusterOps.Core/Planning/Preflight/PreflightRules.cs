using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>What the facts mean for a plan. Refused is only what would lose keys, or stop half-way for a reason that is known before.</summary>
internal static class PreflightRules
{
    // A key of 200 MB took 0.47 s between two nodes of one machine. A network and a busy core may take four times as long.
    private const long BytesPerSecond = 100L << 20;

    // An estimate by a sample is no promise.
    private const double MemoryWarning = 0.8;

    private const int ShownNames = 5;

    public static PreflightResult Judge(PreflightFacts facts) => new(
        [
            .. Memory(facts), .. BigKey(facts), .. Versions(facts), .. Functions(facts), .. MigrateTls.Findings(facts),
            .. Down(facts), .. LastSlot(facts), .. Strays(facts), .. OtherSlots(facts), .. UntoldRights(facts),
        ],
        OtherTool(facts.OtherTool) ?? Rights(facts) ?? MigrateTls.Refusal(facts) ?? Eviction(facts));

    public static RedisOperationException? OtherTool(OtherTool? found) => found is not { } tool ? null : new(
        FailureCode.AnotherToolAtWork,
        tool.Client.Who + " is changing slots now: " + tool.Client.Command + " on " + tool.Node.Name + ". Two at a time undo each other's steps, and lose keys. Nothing was done.",
        tool.Node.Name,
        "CLIENT LIST on " + tool.Node.Name + " shows it; when it has ended run the same command again");

    private static RedisOperationException? Rights(PreflightFacts facts)
    {
        if (facts.Denied.Count == 0)
            return null;
        var first = facts.Denied[0];
        var others = facts.Denied.Count - 1;
        if (first.Why == DeniedCommand.NotThere)
        {
            return new RedisOperationException(
                FailureCode.PermissionDenied,
                first.Node.Name + " does not know " + first.Command + ", which the plan needs" + (others > 0 ? ", nor " + Count(others, "other command") + " of it" : string.Empty)
                    + ": it was renamed, or whoever runs the service keeps it to himself. Nothing was done; what only reads works here all the same.",
                first.Node.Name,
                "Test-RedisCluster, and Get-RedisOpenSlot, for whoever may change slots there");
        }

        return new RedisOperationException(
            FailureCode.PermissionDenied,
            "The user '" + Printable.Clean(first.User, 80) + "' may not run " + first.Command + " on " + first.Node.Name + ", as the plan needs"
                + (others > 0 ? ", nor " + Count(others, "other command") + " of it" : string.Empty) + ". The server: " + first.Why.TrimEnd('.') + ". Nothing was done.",
            first.Node.Name,
            ServerErrors.NextOf(FailureCode.PermissionDenied));
    }

    private static IEnumerable<PlanFinding> UntoldRights(PreflightFacts facts)
    {
        foreach (var node in facts.RightsUntold.Distinct())
        {
            yield return Finding(
                PlanFindingCode.RightsUnknown, FindingSeverity.Warning, node.Name,
                node.Name + " does not let this user ask which commands it may run: should one be missing, that shows only when it is its turn. No key is lost then, and the same command goes on.",
                "ACL SETUSER <user> +acl|whoami +acl|dryrun on " + node.Name);
        }
    }

    private static RedisOperationException? Eviction(PreflightFacts facts) =>
        Policy(facts) is not (null or "noeviction") && Needed(facts) is { } needed && Headroom(facts.Target) is { } free && needed > free
            ? new RedisOperationException(
                FailureCode.TargetOutOfMemory,
                Shortage(facts, needed, free) + ", and its maxmemory-policy " + Policy(facts) + " would make room by deleting keys. Nothing was done.",
                facts.Target.Name,
                "CONFIG SET maxmemory <bytes> on " + facts.Target.Name)
            : null;

    private static IEnumerable<PlanFinding> Memory(PreflightFacts facts)
    {
        if (Needed(facts) is not { } needed || Headroom(facts.Target) is not { } free || needed <= free * MemoryWarning)
            yield break;
        var advice = "CONFIG SET maxmemory <bytes> on " + facts.Target.Name;
        if (needed <= free)
            yield return Finding(PlanFindingCode.TargetMemory, FindingSeverity.Warning, facts.Target.Name, Shortage(facts, needed, free) + ".", advice);
        else if (Policy(facts) is "noeviction")
            yield return Finding(PlanFindingCode.TargetMemory, FindingSeverity.Error, facts.Target.Name, Shortage(facts, needed, free) + ": the move will stop half-way with OOM; no key is lost then, and it can go on.", advice);
    }

    private static string Shortage(PreflightFacts facts, long needed, long free) =>
        "The keys take about " + Megabytes(needed) + ", and " + facts.Target.Name + " has " + Megabytes(Math.Max(0, free)) + " left until its maxmemory";

    private static long? Needed(PreflightFacts facts) => facts.Load?.Bytes is { } bytes and > 0 ? bytes + facts.BytesOfOthers : null;

    private static string? Policy(PreflightFacts facts) => facts.Target.View?.Facts.Text("maxmemory_policy");

    // Buffers of replicas are used memory that does not count against the limit.
    private static long? Headroom(ClusterNode node) =>
        node.View?.Facts is { } info && info.Number("maxmemory") is { } most and > 0 && info.Number("used_memory") is { } used
            ? most - Math.Max(0, used - (info.Number("mem_not_counted_for_evict") ?? 0))
            : null;

    private static IEnumerable<PlanFinding> BigKey(PreflightFacts facts)
    {
        if (facts.Load is not { BiggestBytes: { } bytes } load)
            yield break;
        var blocked = TimeSpan.FromSeconds((double)bytes / BytesPerSecond);
        var key = "Key " + load.BiggestKey + " takes " + Megabytes(bytes) + ", so its MIGRATE may keep both nodes from answering for " + Seconds(blocked) + ", longer than ";
        var number = facts.Slot.ToString(CultureInfo.InvariantCulture);
        foreach (var limit in new[] { facts.SourceSettings.NodeTimeout, facts.TargetSettings.NodeTimeout }.Where(limit => limit is not null).OrderBy(limit => limit).Take(1))
        {
            if (blocked > limit)
            {
                yield return Finding(
                    PlanFindingCode.BigKey, FindingSeverity.Warning, number, key + "cluster-node-timeout (" + Seconds(limit!.Value) + "): the others may take them for down, and fail over.",
                    "CONFIG SET cluster-node-timeout " + ((long)(2 * blocked.TotalMilliseconds)).ToString(CultureInfo.InvariantCulture) + " on every node, and back afterwards");
            }
        }

        if (facts.Actions.OfType<MoveKeys>().Any(move => blocked > move.Migrate.Timeout))
        {
            yield return Finding(
                PlanFindingCode.BigKey, FindingSeverity.Warning, number, key + "MIGRATE is given.",
                "-Timeout " + Math.Ceiling(2 * blocked.TotalSeconds).ToString(CultureInfo.InvariantCulture) + "s");
        }
    }

    private static IEnumerable<PlanFinding> Versions(PreflightFacts facts)
    {
        var (from, to) = (facts.Source.View?.Facts, facts.Target.View?.Facts);
        if (from?.Version is null || to?.Version is null || !MayBeRefused(from, to))
            yield break;
        yield return Finding(
            PlanFindingCode.VersionMismatch, FindingSeverity.Warning, facts.Target.Name,
            facts.Source.Name + " runs " + from.Engine + " " + from.Version + ", " + facts.Target.Name + " " + to.Engine + " " + to.Version + ": an older target may refuse the payload of a newer source.",
            "Get-RedisClusterNode | Format-Table Endpoint, Engine, Version");
    }

    // The format of a payload changes with a minor version at the most.
    private static bool MayBeRefused(ServerFacts from, ServerFacts to) => from.Engine != to.Engine
        || (System.Version.TryParse(from.Version, out var source) && System.Version.TryParse(to.Version, out var target)
            && (source.Major > target.Major || (source.Major == target.Major && source.Minor > target.Minor)));

    private static IEnumerable<PlanFinding> Functions(PreflightFacts facts)
    {
        if (facts.SourceSettings.Functions is not { } there || facts.TargetSettings.Functions is not { } here)
            yield break;
        var missing = there.Except(here, StringComparer.Ordinal).OrderBy(name => name, StringComparer.Ordinal).ToList();
        if (missing.Count == 0)
            yield break;
        yield return Finding(
            PlanFindingCode.FunctionMissing, FindingSeverity.Warning, facts.Target.Name,
            facts.Target.Name + " lacks " + Count(missing.Count, "function") + " of " + facts.Source.Name + " (" + Names(missing) + "): FCALL fails for keys that have moved.",
            "FUNCTION DUMP on " + facts.Source.Name + ", FUNCTION RESTORE on " + facts.Target.Name);
    }

    // No refusal: the same repair may give the slots an owner, and a node that was blocked says so for a moment.
    private static IEnumerable<PlanFinding> Down(PreflightFacts facts)
    {
        var patience = facts.Actions.OfType<MoveKeys>().Where(move => move.Keys != 0).Select(move => (TimeSpan?)move.Migrate.Timeout).FirstOrDefault();
        var down = new[] { facts.Source, facts.Target }.FirstOrDefault(node => node.View is { } view && view.ClusterInfo.TryGetValue("cluster_state", out var state) && state != "ok");
        if (patience is null || down is null)
            yield break;
        yield return Finding(
            PlanFindingCode.ClusterDown, FindingSeverity.Error, down.Name,
            "By the view of " + down.Name + " the cluster is not serving (CLUSTERDOWN), and while that lasts no key can be moved: it is waited for, up to " + Seconds(patience.Value) + ".",
            "Test-RedisCluster");
    }

    private static IEnumerable<PlanFinding> LastSlot(PreflightFacts facts)
    {
        if (facts.SlotsLeftOnSource == 0 && facts.SourceSettings.AllowsReplicaMigration == true)
        {
            yield return Finding(
                PlanFindingCode.SourceBecomesReplica, FindingSeverity.Warning, facts.Source.Name,
                facts.Source.Name + " loses its last slot, and with cluster-allow-replica-migration yes it then becomes a replica of " + facts.Target.Name + ".",
                "CONFIG SET cluster-allow-replica-migration no on " + facts.Source.Name + " keeps it a master");
        }
    }

    private static IEnumerable<PlanFinding> Strays(PreflightFacts facts)
    {
        if (facts.StrayKeys is null or 0)
            yield break;
        var keys = facts.StrayKeys.Value;
        var number = facts.Slot.ToString(CultureInfo.InvariantCulture);
        yield return Finding(
            PlanFindingCode.StrayKeys, FindingSeverity.Warning, number,
            facts.Target.Name + " holds " + Count(keys, "key") + " of the slot already, which clients can't see: they come to light again, and one that the source has too is a conflict.",
            "Get-RedisSlotKey -Slot " + number + " -Node " + facts.Target.Name + " -Detail");
    }

    private static IEnumerable<PlanFinding> OtherSlots(PreflightFacts facts)
    {
        var open = facts.View.OpenFlags.Where(flag => flag.NodeId == facts.Source.Id || flag.NodeId == facts.Target.Id).Select(flag => flag.Slot).Distinct().ToList();
        if (open.All(slot => slot == facts.Slot))
            yield break;
        // Told of the nodes and not of the slot, so that it is the same for each of many slots.
        var slots = SlotSet.From(open);
        yield return Finding(
            PlanFindingCode.OtherOpenSlots, FindingSeverity.Information, facts.Source.Name,
            Count(slots.Count, "slot") + " of " + facts.Source.Name + " or " + facts.Target.Name + " (" + Printable.Clean(slots.ToString(), 100) + ") are open: whoever opened them may still be at work.",
            "Get-RedisOpenSlot");
    }

    private static PlanFinding Finding(PlanFindingCode code, FindingSeverity severity, string target, string message, string advice) =>
        new() { Code = code, Severity = severity, Target = target, Message = message, Advice = advice };

    private static string Names(List<string> names) =>
        string.Join(", ", names.Take(ShownNames).Select(name => Printable.Clean(name, 60))) + (names.Count > ShownNames ? ", …" : string.Empty);

    private static string Count(long count, string noun) => count.ToString(CultureInfo.InvariantCulture) + " " + noun + (count == 1 ? string.Empty : "s");

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.##", CultureInfo.InvariantCulture) + " s";

    private static string Megabytes(long bytes) => (bytes / 1048576.0).ToString("0.#", CultureInfo.InvariantCulture) + " MB";
}
