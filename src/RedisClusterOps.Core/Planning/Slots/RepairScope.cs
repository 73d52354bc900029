using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Which slots a repair is about, and who gets one that nobody holds a key of.</summary>
internal static class RepairScope
{
    /// <summary>Slots that are open, disputed or unowned, and those of which a master holds keys that it does not own.</summary>
    /// <param name="strays">By id of the holder.</param>
    public static IReadOnlyList<int> Of(ClusterView view, RepairOptions repair, IReadOnlyDictionary<string, SlotSet> strays) => SlotDiagnostician.Suspects(view)
        .Concat(strays.Values.SelectMany(held => held.Slots))
        .Concat(repair.AllowUnreachableNode && !repair.SkipCoverage ? AbsentMasters(view).SelectMany(node => view.SlotsOf(node.Id).Slots) : [])
        .Distinct().OrderBy(slot => slot).ToList();

    /// <summary>Nobody serves the slot, and no migration explains it.</summary>
    public static bool IsUncovered(SlotSituation situation) =>
        situation.View.OwnerOf(situation.Slot) is { } owner
            ? situation.View.Node(owner) is { IsReachable: false }
            : SlotDiagnostician.Diagnose(situation) is not { State: RedisOpenSlotState.FinishedOnSource };

    /// <summary>One refusal for each master that does not answer, not one for each of its slots.</summary>
    /// <param name="told">Slots that have a plan of their own.</param>
    public static IEnumerable<SlotPlan> AbsentOwners(ClusterView view, IReadOnlyCollection<int> told, RedisClusterSession session, MoveOptions options)
    {
        foreach (var absent in AbsentMasters(view))
        {
            var slots = SlotSet.From(view.SlotsOf(absent.Id).Slots.Where(slot => !told.Contains(slot)));
            if (slots.Count == 0)
                continue;
            var first = slots.Ranges[0].First;
            var refusal = new RedisOperationException(
                FailureCode.NodeUnreachable,
                "Slots " + slots + " belong to " + absent.Name + ", which does not answer (" + (absent.Trouble ?? "no reason known") + "). Nothing was done to them.",
                absent.Name,
                "Get-RedisClusterNode   (bring it back, or promote a replica of it; Repair-RedisCluster -AllowUnreachableNode gives its slots away, and it deletes their keys when it comes back)");
            yield return new SlotPlan { Slot = first, Kind = MigrationOperation.Repair, Source = absent.Name, SourceId = absent.Id, Owner = absent.Id, Options = options, Refusal = refusal, Cluster = session };
        }
    }

    /// <summary>The master with the fewest slots, by id where several have as few. One that was emptied is not filled again as long as another has any.</summary>
    public static string? LeastLoaded(IReadOnlyDictionary<string, int> slots) => slots
        .OrderBy(node => node.Value == 0).ThenBy(node => node.Value).ThenBy(node => node.Key, StringComparer.Ordinal)
        .Select(node => node.Key).FirstOrDefault();

    private static IEnumerable<ClusterNode> AbsentMasters(ClusterView view) => view.Masters.Where(node => !node.IsReachable);
}
