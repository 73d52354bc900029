using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Reflection;
using Xunit;

namespace RedisClusterOps.Module.Tests;

/// <summary>Every cmdlet follows PowerShell's guidelines and this module's contract.</summary>
public sealed class ConventionTests
{
    // The approved verbs of PowerShell 5.1 that this module uses.
    private static readonly string[] ApprovedVerbs =
    [
        "Add", "Complete", "Connect", "Disconnect", "Export", "Get", "Invoke", "Measure", "Move", "New", "Remove", "Repair", "Restart",
        "Restore", "Resume", "Set", "Show", "Start", "Test", "Undo",
    ];

    private static readonly string[] VerbsThatWrite =
        ["Add", "Complete", "Export", "Invoke", "Move", "Remove", "Repair", "Restart", "Restore", "Resume", "Set", "Start", "Undo"];

    private static readonly string[] Move = ["BatchSize", "MaxStall", "MaxKeysPerSecond", "Timeout", "OnKeyConflict", "JournalPath"];

    private static readonly string[] BulkMove = [.. Move, "Method", "MaxParallel", "PerSlot", "Until"];

    /// <summary>The contract: scripts rely on these names.</summary>
    private static readonly Dictionary<string, string[]> Contract = new()
    {
        ["Add-RedisClusterNode"] = ["Cluster", "Endpoint", "ReplicaOf", "JournalPath"],
        ["Complete-RedisSlotMigration"] = ["Cluster", "Slot", "Source", "Target", .. Move],
        ["Connect-RedisCluster"] =
        [
            "Endpoint", "Credential", "UseTls", "CertificatePath", "CertificateKeyPath", "CertificatePassword", "CaCertificatePath",
            "SkipCertificateCheck", "ConnectTimeout", "CommandTimeout", "AddressMap",
        ],
        ["Disconnect-RedisCluster"] = [],
        ["Get-RedisClusterAlert"] = ["Cluster", "StuckAfter", "MaxMovedPerSecond", "StatePath", "Previous", "JournalPath"],
        ["Export-RedisClusterReport"] =
            ["Cluster", "Path", "NoClobber", "PassThru", "Deep", "MinimumReplica", "StuckAfter", "StatePath", "JournalPath"],
        ["Get-RedisClusterHealth"] = ["Cluster", "Deep", "MinimumReplica"],
        ["Get-RedisClusterInfo"] = ["Cluster"],
        ["Get-RedisClusterNode"] = ["Cluster", "Node", "Role"],
        ["Get-RedisKeyConflict"] = ["Cluster", "Slot"],
        ["Get-RedisKeySlot"] = ["Cluster", "Key"],
        ["Get-RedisMigration"] = ["Cluster", "Id", "Running", "AllClusters", "JournalPath"],
        ["Get-RedisOpenSlot"] = ["Cluster", "Slot", "StatePath"],
        ["Get-RedisSlotKey"] = ["Cluster", "Slot", "Node", "First", "Detail"],
        ["Get-RedisSlotLoad"] = ["Cluster", "Slot", "OrderBy", "First", "Node", "Interval"],
        ["Invoke-RedisClusterCommand"] = ["Cluster", "Command", "Node", "Role"],
        ["Invoke-RedisClusterFailover"] = ["Cluster", "Node", "Mode", "JournalPath"],
        ["Invoke-RedisRebalance"] =
        [
            "Cluster", "Weight", "UseEmptyMaster", "Threshold", "By", "Exclude", "MaxSlots", "Plan", "PlanFile", "KeepEmptyMaster",
            .. BulkMove,
        ],
        ["Measure-RedisClusterClient"] = ["Cluster", "Slot", "Key", "Duration", "Interval", "Rate", "MultiKey", "Write"],
        ["Measure-RedisClusterLink"] = ["Cluster", "Node", "Count", "All"],
        ["Measure-RedisClusterTraffic"] = ["Cluster", "Node", "Interval", "Count"],
        ["Move-RedisSlot"] = ["Cluster", "Slot", "Count", "Source", "Target", "KeepEmptyMaster", .. BulkMove],
        ["Move-RedisSlotKey"] = ["Cluster", "Slot", "Source", "Target", "First", "Key", .. Move],
        ["New-RedisCluster"] = ["Cluster", "Endpoint", "Replica", "JournalPath"],
        ["New-RedisRebalancePlan"] = ["Cluster", "Weight", "UseEmptyMaster", "Threshold", "By", "Exclude", "MaxSlots", "Method", "OutFile"],
        ["Remove-RedisClusterNode"] = ["Cluster", "Node", "Drain", "Reset", "AllowUnreachableNode", "JournalPath"],
        ["Repair-RedisCluster"] = ["Cluster", "Slot", "Target", "AllowUnreachableNode", "SkipCoverage", "PerSlot", .. Move],
        ["Restart-RedisSlotMigration"] = ["Cluster", "Slot", "Target", "JournalPath"],
        ["Restore-RedisKey"] = ["Cluster", "Path", "Replace", "JournalPath"],
        ["Resume-RedisMigration"] = ["Cluster", "Id", .. BulkMove],
        ["Set-RedisClusterReplica"] = ["Cluster", "Node", "ReplicaOf", "JournalPath"],
        ["Show-RedisSlotMap"] = ["Cluster", "Width", "PlainText"],
        ["Start-RedisSlotMigration"] = ["Cluster", "Slot", "Source", "Target", "JournalPath"],
        ["Test-RedisCluster"] = ["Cluster", "Quiet", "Deep", "MinimumReplica"],
        ["Undo-RedisSlotMigration"] =
            ["Cluster", "Slot", "Source", "Target", "MigrationId", "Strategy", "AllowUnreachableNode", .. BulkMove],
    };

    public static TheoryData<string> Names => [.. CmdletClass.All.Select(cmdlet => cmdlet.Name)];

    [Fact]
    public void The_cmdlets_are_those_of_the_contract() =>
        Assert.Equal(Contract.Keys.Order(StringComparer.Ordinal), CmdletClass.All.Select(cmdlet => cmdlet.Name));

    [Theory, MemberData(nameof(Names))]
    public void Its_parameters_are_those_of_the_contract(string name) => Assert.Equal(
        Contract[name].Order(StringComparer.Ordinal), Find(name).Parameters.Select(p => p.Name).Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Names))]
    public void Its_name_follows_the_rules(string name)
    {
        var cmdlet = Find(name);
        Assert.Contains(cmdlet.Attribute.VerbName, ApprovedVerbs);
        Assert.StartsWith("Redis", cmdlet.Attribute.NounName, StringComparison.Ordinal);
        Assert.False(cmdlet.Attribute.NounName.EndsWith('s'), "a noun is singular");
        Assert.Equal(cmdlet.Attribute.VerbName + cmdlet.Attribute.NounName + "Command", cmdlet.Type.Name);
        Assert.Equal("RedisClusterOps.Commands", cmdlet.Type.Namespace);
        Assert.True(cmdlet.Type.IsPublic);
    }

    [Theory, MemberData(nameof(Names))]
    public void It_declares_its_output_type(string name) =>
        Assert.NotEmpty(Find(name).Type.GetCustomAttributes<OutputTypeAttribute>());

    [Theory, MemberData(nameof(Names))]
    public void It_supports_ShouldProcess_exactly_if_it_changes_a_cluster_or_writes_a_report(string name)
    {
        var cmdlet = Find(name);
        var writes = VerbsThatWrite.Contains(cmdlet.Attribute.VerbName) || name == "New-RedisCluster";
        Assert.Equal(writes, cmdlet.Attribute.SupportsShouldProcess);
        var isHigh = name is "Repair-RedisCluster" or "Invoke-RedisRebalance" or "New-RedisCluster" or "Invoke-RedisClusterCommand"
            or "Invoke-RedisClusterFailover" or "Remove-RedisClusterNode";
        // The engine reports no impact for a cmdlet without SupportsShouldProcess.
        var impact = !cmdlet.Attribute.SupportsShouldProcess ? ConfirmImpact.None : isHigh ? ConfirmImpact.High : ConfirmImpact.Medium;
        Assert.Equal(impact, cmdlet.Attribute.ConfirmImpact);
        Assert.DoesNotContain(cmdlet.Parameters, parameter => parameter.Name == "Force");
    }

    [Theory, MemberData(nameof(Names))]
    public void It_takes_the_cluster_by_property_name(string name)
    {
        var cmdlet = Find(name);
        if (cmdlet.Attribute.VerbName is "Connect" or "Disconnect")
            return;
        var cluster = cmdlet.Type.GetProperty("Cluster")!.GetCustomAttribute<ParameterAttribute>(inherit: false)!;
        Assert.True(cluster.ValueFromPipelineByPropertyName);
        Assert.False(cluster.Mandatory);
        // Without another pipeline input, the cluster is the input.
        var hasOtherInput = cmdlet.Parameters.Any(parameter => parameter.Name != "Cluster" && IsBoundByValue(parameter));
        Assert.Equal(!hasOtherInput, cluster.ValueFromPipeline);
        // The target of a repair is a person's decision. The target of a piped open slot must not bind.
        var bound = name == "Repair-RedisCluster" ? new[] { "Slot" } : ["Slot", "Source", "Target"];
        foreach (var parameter in cmdlet.Parameters.Where(parameter => bound.Contains(parameter.Name)))
        {
            var sets = parameter.GetCustomAttributes<ParameterAttribute>();
            Assert.True(sets.Any(set => set.ValueFromPipelineByPropertyName), parameter.Name);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void At_most_one_parameter_binds_pipeline_input_by_value(string name) =>
        Assert.InRange(Find(name).Parameters.Count(IsBoundByValue), 0, 1);

    [Theory, MemberData(nameof(Names))]
    public void A_slot_parameter_takes_numbers_and_ranges(string name)
    {
        if (Find(name).Type.GetProperty("Slot") is not { } slot)
            return;
        Assert.Equal(typeof(int[]), slot.PropertyType);
        Assert.NotNull(slot.GetCustomAttribute<SlotsAttribute>());
    }

    [Theory]
    [InlineData("5519", new[] { 5519 })]
    [InlineData("0-2", new[] { 0, 1, 2 })]
    [InlineData("1, 5-7", new[] { 1, 5, 6, 7 })]
    [InlineData("3..5", new[] { 3, 4, 5 })]
    [InlineData(16383L, new[] { 16383 })]
    public void Slots_are_numbers_ranges_and_lists_of_both(object written, int[] slots) =>
        Assert.Equal(slots, new SlotsAttribute().Transform(null!, written));

    [Theory]
    [InlineData("16384")]
    [InlineData(-1)]
    [InlineData("9-5")]
    [InlineData("x")]
    [InlineData("")]
    [InlineData(1.5)]
    public void Anything_else_is_one_clear_error(object written)
    {
        var error = Assert.Throws<ArgumentTransformationMetadataException>(() => new SlotsAttribute().Transform(null!, written));
        Assert.Contains("is not a slot. Slots are numbers and ranges from 0 to 16383", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_of_slots_may_mix_numbers_and_ranges()
    {
        var slots = new SlotsAttribute();
        Assert.Equal(new[] { 7, 9, 10 }, slots.Transform(null!, new object[] { 7, "9-10", 7 }));
        Assert.Throws<ArgumentTransformationMetadataException>(() => slots.Transform(null!, new object[] { 1, "2-" }));
    }

    [Fact]
    public void An_object_refers_to_the_cluster_that_it_contains() =>
        Assert.Equal("10.0.0.9:1", ((RedisClusterReference)new RedisClusterReferenceAttribute().Transform(
            null!, new RedisOpenSlot { Cluster = RedisClusterSession.Parse("10.0.0.9:1") })).Resolve().ToString());

    [Theory, MemberData(nameof(Names))]
    public void A_time_parameter_accepts_a_unit(string name)
    {
        foreach (var parameter in Find(name).Parameters.Where(parameter => parameter.PropertyType == typeof(TimeSpan)))
            Assert.True(parameter.IsDefined(typeof(ArgumentTransformationAttribute)), parameter.Name);
    }

    [Fact]
    public void Every_failure_has_a_specific_category()
    {
        foreach (var code in Enum.GetValues<FailureCode>())
        {
            var next = new NextAction(NextActionCode.Advice) { Note = "what next" };
            var record = ErrorRecords.From(new RedisOperationException(code, "what", "slot 1", next));
            Assert.Equal(code.ToString(), record.FullyQualifiedErrorId);
            Assert.NotEqual(ErrorCategory.NotSpecified, record.CategoryInfo.Category);
            Assert.Equal("slot 1", record.TargetObject);
            Assert.Equal("what next", record.ErrorDetails!.RecommendedAction);
        }
    }

    private static bool IsBoundByValue(PropertyInfo parameter) =>
        parameter.GetCustomAttributes<ParameterAttribute>().Any(set => set.ValueFromPipeline);

    private static CmdletClass Find(string name) => CmdletClass.All.Single(cmdlet => cmdlet.Name == name);
}
