using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps;

/// <summary>A cmdlet that leaves slots open with consistent flags, and writes them as <c>Get-RedisOpenSlot</c> does.</summary>
public abstract class SlotOpeningCmdlet : SlotOperationCmdlet
{
    private readonly List<int> _settled = [];
    private readonly List<RedisOpenSlot> _opened = [];

    /// <summary>Specifies the slots: numbers and ranges from 0 to 16383, such as 5519, 0-5460 or '1,5-9'.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Slots]
    [ArgumentCompleter(typeof(SlotCompleter))]
    public int[] Slot { get; set; } = [];

    internal sealed override void CarryOut(RedisCluster cluster, IReadOnlyList<SlotPlan> plans)
    {
        base.CarryOut(cluster, plans);
        if (_settled.Count > 0)
            _opened.AddRange(Await(cluster.GetOpenSlotsAsync([.. _settled], Stop), "Reading the cluster"));
        _settled.Clear();
    }

    // A failed slot is only an error record: an object would reach the next cmdlet of the pipeline, which moves keys.
    internal sealed override void Write(IReadOnlyList<SlotOutcome> outcomes) =>
        _settled.AddRange(outcomes.Where(outcome => outcome.Failure is null).Select(outcome => outcome.Result.Slot));

    internal sealed override void Finish()
    {
        base.Finish();
        Close();
        WriteObject(_opened, enumerateCollection: true);
    }
}
