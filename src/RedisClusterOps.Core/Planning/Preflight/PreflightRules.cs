using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>Decides what the facts mean for a plan. It refuses only plans that would lose keys or are known to fail midway.</summary>
internal static class PreflightRules
{
    // Measured: a key of 200 MB took 0.47 s between two nodes of one machine. A network and a busy core may take four times as long.
    private const long BytesPerSecond = 100L << 20;

    // The memory of the keys is estimated from a sample.
    private const double MemoryWarning = 0.8;

    private const int ShownNames = 5;

    public static PreflightResult Judge(PreflightFacts facts) => new(
        [
            .. Memory(facts), .. BigKey(facts), .. Versions(facts), .. Functions(facts), .. KeyRisks.Modules(facts),
            .. MigrateTls.Findings(facts), .. Down(facts), .. WriteRules.Findings(facts), .. LastSlot(facts), .. Strays(facts),
            .. OtherSlots(facts), .. UnknownRights(facts.RightsUnknown), .. UnseenRuns(facts.Unseen),
        ],
        OtherTool(facts.OtherTool) ?? Rights(facts.Denied) ?? MigrateTls.Refusal(facts) ?? Eviction(facts)
            ?? KeyRisks.OfModules(facts) ?? KeyRisks.OfDemotedMaster(facts));

    /// <summary>The same for a plan that changes no slot: rights and other tools.</summary>
    public static PreflightResult Judge(
        IReadOnlyList<DeniedCommand> denied, IEnumerable<ClusterNode> unknown, IReadOnlyList<ClusterNode> unseen, OtherTool? other) =>
        new([.. UnknownRights(unknown), .. UnseenRuns(unseen)], OtherTool(other) ?? Rights(denied));

    public static RedisOperationException? OtherTool(OtherTool? found) => found is not { } tool ? null : new(
        FailureCode.AnotherToolAtWork,
        tool.Client.Description + " is changing slots now: " + tool.Client.Command + " on " + tool.Node.Name
            + ". Two tools at once undo each other's steps and lose keys. Nothing was changed.",
        tool.Node.Name,
        NextAction.Advise("CLIENT LIST on " + tool.Node.Name + " shows the client. When it has finished, run the same command again."));

    private static RedisOperationException? Rights(IReadOnlyList<DeniedCommand> denied)
    {
        if (denied.Count == 0)
            return null;
        var first = denied[0];
        var others = denied.Count - 1;
        if (first.Why == DeniedCommand.UnknownCommand)
        {
            return new RedisOperationException(
                FailureCode.PermissionDenied,
                first.Node.Name + " does not know " + first.Command + ", which the plan needs" + AndOthers(others)
                    + ". The command was renamed or is blocked by the service provider. Nothing was changed; read-only cmdlets still work.",
                first.Node.Name,
                new NextAction(NextActionCode.CheckCluster) { Or = new NextAction(NextActionCode.ShowOpenSlots) });
        }

        return new RedisOperationException(
            FailureCode.PermissionDenied,
            "The user '" + Printable.Clean(first.User, 80) + "' may not run " + first.Command + " on " + first.Node.Name
                + ", which the plan needs" + AndOthers(others) + ". The server says: " + first.Why.TrimEnd('.') + ". Nothing was changed.",
            first.Node.Name,
            ServerErrors.NextOf(FailureCode.PermissionDenied));

        static string AndOthers(int count) => count > 0 ? ", nor " + Count(count, "other command") : string.Empty;
    }

    private static IEnumerable<PlanFinding> UnknownRights(IEnumerable<ClusterNode> unknown)
    {
        foreach (var node in unknown.Distinct())
        {
            yield return Finding(
                PlanFindingCode.RightsUnknown, FindingSeverity.Warning, node.Name,
                node.Name + " does not report which commands this user may run, so a missing right shows only during the run."
                    + " No key is lost then, and the same command resumes.",
                NextAction.Advise("ACL SETUSER <user> +acl|whoami +acl|dryrun on " + node.Name));
        }
    }

    private static IEnumerable<PlanFinding> UnseenRuns(IReadOnlyList<ClusterNode> unseen)
    {
        if (unseen.Count == 0)
            yield break;
        yield return Finding(
            PlanFindingCode.OtherRunsUnseen, FindingSeverity.Warning, unseen[0].Name,
            Unseen(unseen, "CLIENT LIST", "is not detected"),
            NextAction.Advise("ACL SETUSER <user> +client|list +client|setname on every node"));
    }

    /// <summary>The warning that runs on other machines and this one do not see each other.</summary>
    /// <param name="nodes">The nodes that refuse the command.</param>
    /// <param name="command">The command that would show them.</param>
    /// <param name="consequence">What follows for a run on another machine.</param>
    public static string Unseen(IReadOnlyList<ClusterNode> nodes, string command, string consequence) =>
        nodes[0].Name + (nodes.Count > 1 ? " and " + Count(nodes.Count - 1, "other node") : string.Empty)
            + (nodes.Count > 1 ? " do" : " does") + " not let this user run " + command + ", so a run on another machine " + consequence
            + ". Two runs at once lose keys: run one at a time.";

    private static RedisOperationException? Eviction(PreflightFacts facts)
    {
        if (Policy(facts) is null or "noeviction" || Needed(facts) is not { } needed)
            return null;
        if (Headroom(facts.Target) is not { } free || needed <= free)
            return null;
        return new RedisOperationException(
            FailureCode.TargetOutOfMemory,
            Shortage(facts, needed, free) + ". Its maxmemory-policy " + Policy(facts)
                + " would delete keys to make room. Nothing was changed.",
            facts.Target.Name,
            MoreMemory(facts));
    }

    private static IEnumerable<PlanFinding> Memory(PreflightFacts facts)
    {
        if (Needed(facts) is not { } needed || Headroom(facts.Target) is not { } free || needed <= free * MemoryWarning)
            yield break;
        if (needed <= free)
        {
            yield return Finding(
                PlanFindingCode.TargetMemory, FindingSeverity.Warning, facts.Target.Name,
                Shortage(facts, needed, free) + ".",
                MoreMemory(facts));
        }
        else if (Policy(facts) is "noeviction")
        {
            yield return Finding(
                PlanFindingCode.TargetMemory, FindingSeverity.Error, facts.Target.Name,
                Shortage(facts, needed, free) + ". The move will stop midway with OOM. No key is lost then, and it can be resumed.",
                MoreMemory(facts));
        }
    }

    private static string Shortage(PreflightFacts facts, long needed, long free) =>
        "The keys take about " + Size(needed) + ", and " + facts.Target.Name + " has " + Size(Math.Max(0, free))
            + " left of its maxmemory";

    private static NextAction MoreMemory(PreflightFacts facts) => NextAction.Advise("CONFIG SET maxmemory <bytes> on " + facts.Target.Name);

    private static long? Needed(PreflightFacts facts) => facts.Load?.Bytes is { } bytes and > 0 ? bytes + facts.BytesOfOthers : null;

    private static string? Policy(PreflightFacts facts) => facts.Target.View?.Facts.Text("maxmemory_policy");

    // Replica buffers are part of used_memory but do not count against maxmemory.
    private static long? Headroom(ClusterNode node) =>
        node.View?.Facts is { } info && info.Number("maxmemory") is { } most and > 0 && info.Number("used_memory") is { } used
            ? most - Math.Max(0, used - (info.Number("mem_not_counted_for_evict") ?? 0))
            : null;

    private static IEnumerable<PlanFinding> BigKey(PreflightFacts facts)
    {
        if (facts.Load is not { BiggestBytes: { } bytes } load)
            yield break;
        var blocked = TimeSpan.FromSeconds((double)bytes / BytesPerSecond);
        var key = "Key " + load.BiggestKey + " takes " + Size(bytes) + ", so its MIGRATE may block both nodes for " + Seconds(blocked)
            + ". That is longer than ";
        var shortest = new[] { facts.SourceSettings.NodeTimeout, facts.TargetSettings.NodeTimeout }.Min();
        if (shortest is { } nodeTimeout && blocked > nodeTimeout)
        {
            var longEnough = ((long)(2 * blocked.TotalMilliseconds)).ToString(CultureInfo.InvariantCulture);
            yield return Finding(
                PlanFindingCode.BigKey, FindingSeverity.Warning, Slot(facts),
                key + "cluster-node-timeout (" + Seconds(nodeTimeout) + "): the other nodes may flag them as failing and start a failover.",
                NextAction.Advise("CONFIG SET cluster-node-timeout " + longEnough + " on every node, and set it back afterwards"));
        }

        if (facts.Actions.OfType<MoveKeys>().Any(move => blocked > move.Migrate.Timeout))
        {
            var timeout = Math.Ceiling(2 * blocked.TotalSeconds).ToString(CultureInfo.InvariantCulture) + "s";
            yield return Finding(
                PlanFindingCode.BigKey, FindingSeverity.Warning, Slot(facts), key + "the timeout of MIGRATE.",
                new NextAction(NextActionCode.Repeat) { Timeout = timeout });
        }
    }

    private static IEnumerable<PlanFinding> Versions(PreflightFacts facts)
    {
        var (from, to) = (facts.Source.View?.Facts, facts.Target.View?.Facts);
        if (from?.Version is null || to?.Version is null || !MayBeRefused(from, to))
            yield break;
        yield return Finding(
            PlanFindingCode.VersionMismatch, FindingSeverity.Warning, facts.Target.Name,
            facts.Source.Name + " runs " + from.Engine + " " + from.Version + ", " + facts.Target.Name + " runs " + to.Engine + " "
                + to.Version + ". An older target may reject the payload of a newer source.",
            new NextAction(NextActionCode.ShowVersions));
    }

    // The payload format changes only with a major or minor version.
    private static bool MayBeRefused(ServerFacts from, ServerFacts to) => from.Engine != to.Engine
        || (System.Version.TryParse(from.Version, out var source) && System.Version.TryParse(to.Version, out var target)
            && (source.Major > target.Major || (source.Major == target.Major && source.Minor > target.Minor)));

    private static IEnumerable<PlanFinding> Functions(PreflightFacts facts)
    {
        if (facts.SourceSettings.Functions is not { } onSource || facts.TargetSettings.Functions is not { } onTarget)
            yield break;
        var names = onSource.Keys.OrderBy(name => name, StringComparer.Ordinal).ToList();
        var missing = names.Where(name => !onTarget.ContainsKey(name)).ToList();
        var different = names.Where(name => onTarget.TryGetValue(name, out var code) && code != onSource[name]).ToList();
        if (missing.Count > 0)
        {
            yield return Finding(
                PlanFindingCode.FunctionMissing, FindingSeverity.Warning, facts.Target.Name,
                facts.Target.Name + " lacks " + Count(missing.Count, "function") + " of " + facts.Source.Name + " (" + Names(missing)
                    + "). FCALL fails for keys that have moved.",
                NextAction.Advise("FUNCTION DUMP on " + facts.Source.Name + ", FUNCTION RESTORE on " + facts.Target.Name));
        }

        if (different.Count > 0)
        {
            yield return Finding(
                PlanFindingCode.FunctionDiffers, FindingSeverity.Warning, facts.Target.Name,
                facts.Target.Name + " has other code for " + Count(different.Count, "function") + " of " + facts.Source.Name + " ("
                    + Names(different) + "). FCALL does something else for keys that have moved.",
                NextAction.Advise("FUNCTION DUMP on " + facts.Source.Name + ", FUNCTION RESTORE … REPLACE on " + facts.Target.Name));
        }
    }

    // Not a refusal: the same repair may assign the missing slots, and a node that was blocked reports this for a moment.
    private static IEnumerable<PlanFinding> Down(PreflightFacts facts)
    {
        var patience = facts.Actions.OfType<MoveKeys>().FirstOrDefault(move => move.Keys != 0)?.Migrate.Timeout;
        var down = new[] { facts.Source, facts.Target }.FirstOrDefault(IsDown);
        if (patience is null || down is null)
            yield break;
        yield return Finding(
            PlanFindingCode.ClusterDown, FindingSeverity.Error, down.Name,
            down.Name + " reports that the cluster is down (CLUSTERDOWN)" + down.View!.WhyDown
                + ". No key can be moved meanwhile. The run waits up to " + Seconds(patience.Value) + " for it.",
            new NextAction(NextActionCode.CheckCluster));

        static bool IsDown(ClusterNode node) =>
            node.View is { } view && view.ClusterInfo.TryGetValue("cluster_state", out var state) && state != "ok";
    }

    private static IEnumerable<PlanFinding> LastSlot(PreflightFacts facts)
    {
        if (facts.SlotsLeft != 0 || facts.Actions.OfType<AssignToTarget>().FirstOrDefault() is not { } handover)
            yield break;
        // An undo hands over from the target.
        var giver = handover.Source;
        var settings = giver.Id == facts.Target.Id ? facts.TargetSettings : facts.SourceSettings;
        if (settings.AllowsReplicaMigration != true
            || facts.Actions.OfType<SuppressReplicaMigration>().Any(suppression => suppression.Node.Id == giver.Id))
            yield break;
        yield return Finding(
            PlanFindingCode.SourceBecomesReplica, FindingSeverity.Warning, giver.Name,
            giver.Name + " hands over its last slot. Because of cluster-allow-replica-migration yes it then becomes a replica of "
                + (facts.Takers.Count < 2 ? handover.Target.Name : TakerOfTheLast(facts))
                + ", and an undo can't return its slots before it is a master again.",
            NextAction.Advise("CONFIG SET cluster-allow-replica-migration no on " + giver.Name + " keeps it a master"));
    }

    private static string TakerOfTheLast(PreflightFacts facts) =>
        "the master that takes its last slot: " + string.Join(" or ", facts.Takers);

    private static IEnumerable<PlanFinding> Strays(PreflightFacts facts)
    {
        if (facts.StrayKeys is not { } keys || keys == 0)
            yield break;
        yield return Finding(
            PlanFindingCode.StrayKeys, FindingSeverity.Warning, Slot(facts),
            facts.Target.Name + " already holds " + Count(keys, "key") + " of the slot, which clients can't see. They become visible again,"
                + " and a key that the source holds too is a conflict.",
            new NextAction(NextActionCode.ShowKeys) { Slots = Slot(facts), Node = facts.Target.Name, Options = NextActionOptions.Detail });
    }

    private static IEnumerable<PlanFinding> OtherSlots(PreflightFacts facts)
    {
        var flags = facts.View.OpenFlags.Where(flag => flag.NodeId == facts.Source.Id || flag.NodeId == facts.Target.Id);
        var open = flags.Select(flag => flag.Slot).Distinct().ToList();
        if (open.All(slot => slot == facts.Slot))
            yield break;
        // About the nodes instead of the slot, so that it is the same for each of many slots.
        var slots = SlotSet.From(open);
        yield return Finding(
            PlanFindingCode.OtherOpenSlots, FindingSeverity.Information, facts.Source.Name,
            Count(slots.Count, "slot") + " of " + facts.Source.Name + " or " + facts.Target.Name
                + " (" + Printable.Clean(slots.ToString(), 100) + ") " + (slots.Count == 1 ? "is" : "are")
                + " open. Another migration may be in progress.",
            new NextAction(NextActionCode.ShowOpenSlots));
    }

    public static PlanFinding Finding(PlanFindingCode code, FindingSeverity severity, string target, string message, NextAction next) =>
        new() { Code = code, Severity = severity, Target = target, Message = message, Next = next };

    public static string Slot(PreflightFacts facts) => facts.Slot.ToString(CultureInfo.InvariantCulture);

    public static string Names(List<string> names) =>
        string.Join(", ", names.Take(ShownNames).Select(name => Printable.Clean(name, 60)))
        + (names.Count > ShownNames ? ", …" : string.Empty);

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.##", CultureInfo.InvariantCulture) + " s";
}
