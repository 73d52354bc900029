using System.Globalization;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Why a slot is left alone: one sentence that names it, and the command to run next. Nothing has been touched then.</summary>
internal static class SlotRefusal
{
    public static RedisOperationException Unreachable(int slot, ClusterNode node, string what, NextAction? next = null) => new(
        FailureCode.NodeUnreachable,
        "Slot " + Number(slot) + " can't be " + what + " while " + node.Name + " does not answer (" + (node.Trouble ?? "no reason known") + "). Nothing was done.",
        node.Name,
        next ?? "Get-RedisClusterNode");

    public static RedisOperationException Unsuitable(SlotDiagnosis diagnosis, string why, NextAction? next = null) => new(
        FailureCode.SlotStateUnsuitable,
        "Slot " + Number(diagnosis.Slot) + " is " + diagnosis.State + (diagnosis.Detail is null ? string.Empty : ": " + diagnosis.Detail) + ". " + why,
        Number(diagnosis.Slot),
        next ?? SlotAdvice.NextOf(diagnosis));

    public static RedisOperationException Unsuitable(int slot, string why, NextAction? next) => new(
        FailureCode.SlotStateUnsuitable, "Slot " + Number(slot) + " " + why, Number(slot), next);

    public static RedisOperationException Stale(int slot, string agreed, string now) => new(
        FailureCode.StalePlan,
        "Slot " + Number(slot) + " was to go " + agreed + ", and now " + now + ". Nothing more was done.",
        Number(slot),
        "Get-RedisOpenSlot -Slot " + Number(slot));

    public static RedisOperationException NotOpen(int slot, ClusterNode? owner, NextAction? next = null) => new(
        FailureCode.SlotNotOpen,
        "Slot " + Number(slot) + " is not open: it belongs to " + (owner?.Name ?? "nobody") + ", and nobody is migrating or importing it.",
        Number(slot),
        next ?? new NextAction(NextActionCode.CheckCluster));

    private static string Number(int slot) => slot.ToString(CultureInfo.InvariantCulture);
}
