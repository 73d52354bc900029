using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>A picture of the cluster in the terminal: which master holds which part of 0 to 16383, and where slots are open, disputed or uncovered.</summary>
[Cmdlet(VerbsCommon.Show, "RedisSlotMap")]
[OutputType(typeof(RedisSlotMap))]
public sealed class ShowRedisSlotMapCommand : RedisClusterCmdlet
{
    /// <summary>Columns to draw for, at least 40. Those of the host unless told.</summary>
    [Parameter(Position = 0)]
    [ValidateRange(40, 1000)]
    public int Width { get; set; }

    /// <summary>Draw with ASCII alone, and without colours.</summary>
    [Parameter]
    public SwitchParameter PlainText { get; set; }

    internal override void Run()
    {
        var screen = HostScreen.Of(Host, GetVariableValue("PSStyle"), Width, MyInvocation.PipelinePosition == MyInvocation.PipelineLength);
        if (PlainText)
            screen = screen with { Unicode = false, Color = false };
        WriteObject(Await(Open().GetSlotMapAsync(screen, Stop), "Reading the cluster"));
    }
}
