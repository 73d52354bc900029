using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>What keeps a source or target from writing: its replicas, its disk, and its limit on values.</summary>
internal static class WriteRules
{
    // A replica confirms every second. Valkey waits two seconds for it at each SETSLOT, and then refuses the SETSLOT.
    private const int SilentSeconds = 3;

    public static IEnumerable<PlanFinding> Findings(PreflightFacts facts)
    {
        var moves = facts.Actions.OfType<MoveKeys>().Any(move => move.Keys != 0);
        foreach (var (node, settings) in new[] { (facts.Source, facts.SourceSettings), (facts.Target, facts.TargetSettings) })
        {
            if (moves)
            {
                foreach (var finding in Refusals(node, settings))
                    yield return finding;
            }

            if (!facts.IsAtomic && Hanging(node) is { } hanging)
                yield return hanging;
        }

        foreach (var move in facts.IsAtomic ? [] : facts.Actions.OfType<MoveKeys>().Take(1))
        {
            if (TooLarge(facts, move) is { } large)
                yield return large;
        }
    }

    private static IEnumerable<PlanFinding> Refusals(ClusterNode node, NodeSettings settings)
    {
        if (node.View?.Facts is not { } info)
            yield break;
        // INFO has this field only while a minimum is set.
        if (info.Number("min_slaves_good_slaves") is { } good && good < (settings.MinimumReplicas ?? 1))
        {
            yield return Finding(
                PlanFindingCode.WritesRefused, node.Name,
                node.Name + " refuses writes (NOREPLICAS): " + Number(good) + " of its replicas are connected and up to date, and"
                    + " min-replicas-to-write is " + (settings.MinimumReplicas is { } least ? Number(least) : "higher")
                    + ". No key can be moved meanwhile.",
                "bring its replicas back, or CONFIG SET min-replicas-to-write 0 on " + node.Name);
        }

        if (info.Text("rdb_last_bgsave_status") == "err" && settings.StopsAfterFailedSave == true)
        {
            yield return Finding(
                PlanFindingCode.WritesRefused, node.Name,
                node.Name + " refuses writes (MISCONF): its last background save failed. No key can be moved meanwhile.",
                "its log has the reason; BGSAVE on " + node.Name + " once its disk can be written");
        }

        if (info.Text("aof_last_write_status") == "err")
        {
            yield return Finding(
                PlanFindingCode.WritesRefused, node.Name,
                node.Name + " refuses writes (MISCONF): it can't write its append-only file. No key can be moved meanwhile.",
                "its log has the reason; it continues by itself once its disk can be written");
        }
    }

    private static PlanFinding? Hanging(ClusterNode node)
    {
        if (node.View?.Facts is not { Engine: ServerEngine.Valkey } info || !info.IsAtLeast(8, 0))
            return null;
        var silent = info.SilentReplicas(SilentSeconds);
        return silent.Count == 0 ? null : Finding(
            PlanFindingCode.ReplicaHangs, node.Name,
            "Replica " + string.Join(", ", silent) + " of " + node.Name + " is connected and has not answered for "
                + Number(SilentSeconds) + " s or more. Valkey waits for it at each change of a slot, and refuses the change after 2 s.",
            "restart or stop that replica; a disconnected replica is not waited for");
    }

    // The payload may be smaller than the value in memory, so this is no refusal.
    private static PlanFinding? TooLarge(PreflightFacts facts, MoveKeys move)
    {
        var settings = move.Target.Id == facts.Target.Id ? facts.TargetSettings : facts.SourceSettings;
        if (facts.Load is not { BiggestBytes: { } bytes } load || settings.LargestValue is not { } most || bytes < most)
            return null;
        var finding = Finding(
            PlanFindingCode.KeyTooLarge, facts.Slot.ToString(CultureInfo.InvariantCulture),
            "Key " + load.BiggestKey + " takes " + Size(bytes) + ", and " + move.Target.Name + " accepts no value above "
                + Size(most) + " (proto-max-bulk-len). The move may stop midway at that key. No key is lost then.",
            "CONFIG SET proto-max-bulk-len " + Number(2 * bytes) + " on " + move.Target.Name);
        // An open slot has a way back. Every other operation moves all keys to the target first.
        var isOpen = !move.IsReverse && facts.View.FlagsOf(facts.Slot).Any();
        return !isOpen ? finding : finding with
        {
            Next = finding.Next! with
            {
                Or = new NextAction(NextActionCode.Undo) { Slots = finding.Target, Options = NextActionOptions.PullBack },
            },
        };
    }

    private static PlanFinding Finding(PlanFindingCode code, string target, string message, string advice) => new()
    {
        Code = code,
        Severity = FindingSeverity.Error,
        Target = target,
        Message = message,
        Next = new NextAction(NextActionCode.Advice) { Note = advice },
    };
}
