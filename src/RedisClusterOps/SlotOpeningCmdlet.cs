using System.Collections.Generic;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps;

/// <summary>A cmdlet that leaves a slot open, both ends in order, and writes it as <c>Get-RedisOpenSlot</c> would.</summary>
public abstract class SlotOpeningCmdlet : SlotOperationCmdlet
{
    private readonly List<RedisOpenSlot> _opened = [];

    /// <summary>The slot, 0 to 16383.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateRange(0, 16383)]
    [ArgumentCompleter(typeof(SlotCompleter))]
    public int Slot { get; set; }

    // A slot that failed is an error alone: as an object it would go down the pipeline to the cmdlet that moves keys.
    internal sealed override void Write(RedisCluster cluster, RedisSlotMigrationResult result)
    {
        if (result.Outcome != MigrationOutcome.Failed)
            _opened.AddRange(Await(cluster.GetOpenSlotsAsync([result.Slot], Stop), "Reading the cluster"));
    }

    internal sealed override void Finish()
    {
        Close();
        WriteObject(_opened, enumerateCollection: true);
    }
}
