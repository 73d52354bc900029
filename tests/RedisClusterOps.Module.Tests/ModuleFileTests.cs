using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace RedisClusterOps.Module.Tests;

/// <summary>The manifest, the views, the help and the staged module match the cmdlets.</summary>
public sealed class ModuleFileTests
{
    private static readonly XNamespace Command = "http://schemas.microsoft.com/maml/dev/command/2004/10";

    private static readonly XNamespace Maml = "http://schemas.microsoft.com/maml/2004/10";

    // In a folder of its own: the module does not reference it.
    private static readonly string[] ClientFiles =
    [
        "HdrHistogram", "Microsoft.Extensions.DependencyInjection.Abstractions", "Microsoft.Extensions.Logging.Abstractions", "RESPite",
        "RedisClusterOps.Client", "StackExchange.Redis", "System.Diagnostics.DiagnosticSource", "System.IO.Hashing", "System.IO.Pipelines",
    ];

    public static TheoryData<string> Names => [.. CmdletClass.All.Select(cmdlet => cmdlet.Name)];

    [Fact]
    public void The_manifest_exports_exactly_the_cmdlets()
    {
        Assert.Equal(CmdletClass.All.Select(cmdlet => cmdlet.Name), Repository.ManifestArray("CmdletsToExport"));
        Assert.Empty(Repository.ManifestArray("FunctionsToExport"));
        Assert.Empty(Repository.ManifestArray("AliasesToExport"));
        Assert.Empty(Repository.ManifestArray("VariablesToExport"));
    }

    [Fact]
    public void The_readme_names_every_cmdlet_and_nothing_that_does_not_exist()
    {
        var names = Regex.Matches(Repository.Text("README.md"), "[A-Z][a-z]+-Redis[A-Za-z]+").Select(match => match.Value).ToHashSet();
        Assert.Equal(CmdletClass.All.Select(cmdlet => cmdlet.Name).Order(StringComparer.Ordinal), names.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_version_of_the_manifest_is_that_of_the_assemblies_and_of_the_newest_changes()
    {
        var version = Repository.ManifestValue("ModuleVersion");
        Assert.Equal(version, typeof(RedisCluster).Assembly.GetName().Version!.ToString(3));
        var full = version + (Repository.ManifestValue("Prerelease") is { Length: > 0 } label ? "-" + label : string.Empty);
        var built = typeof(RedisCluster).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        Assert.Equal(full, built.Split('+')[0]);
        var newest = Regex.Match(Repository.Text("CHANGELOG.md"), @"^## \[(\d+\.\d+\.\d+[-\w]*)\]", RegexOptions.Multiline);
        Assert.Equal(full, newest.Groups[1].Value);
    }

    [Fact]
    public void The_staged_module_contains_exactly_the_files_that_ship()
    {
        var folder = Repository.Path("out/RedisClusterOps");
        var found = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/'));
        Assert.Equal(
            File.ReadAllLines(Repository.Path("tools/shipped.txt")).Order(StringComparer.Ordinal),
            found.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_shipped_assemblies_reference_only_each_other_and_the_platform()
    {
        foreach (var assembly in new[] { typeof(RedisCluster).Assembly, typeof(RedisClusterCmdlet).Assembly })
        {
            string[] allowed = ["netstandard", "RedisClusterOps.Core", "System.Management.Automation"];
            Assert.Empty(assembly.GetReferencedAssemblies().Select(name => name.Name).Except(allowed));
        }
    }

    [Fact]
    public void Every_third_party_assembly_that_ships_is_listed_with_its_version_and_licence()
    {
        var listed = Repository.Text("THIRD-PARTY.txt").Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words.Length >= 3).ToLookup(words => words[0]);
        foreach (var file in ClientFiles.Where(file => file != "RedisClusterOps.Client"))
        {
            var path = Repository.Path("out/RedisClusterOps/client/" + file + ".dll");
            var version = FileVersionInfo.GetVersionInfo(path).ProductVersion!.Split('+')[0];
            Assert.Contains(listed[file], words => version.StartsWith(words[1], StringComparison.Ordinal) && words[2] is "MIT" or "CC0");
        }
    }

    [Theory]
    [InlineData(null, "4.0.30319")]
    [InlineData(typeof(object), "7.0.1")]
    public void An_older_PowerShell_gets_one_clear_error_from_the_client_cmdlet(Type? context, string runtime)
    {
        var refused = Assert.Throws<RedisOperationException>(() => ClientLoader.RequireSupport(context, Version.Parse(runtime)));
        Assert.Equal(FailureCode.NotSupported, refused.Code);
        Assert.StartsWith("The client library needs PowerShell 7.4 or later.", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Measure-RedisClusterTraffic", refused.NextStep(), StringComparison.Ordinal);
        ClientLoader.RequireSupport(typeof(object), new Version(8, 0, 1));
    }

    [Fact]
    public void Views_show_existing_properties_and_contain_no_script()
    {
        var format = XDocument.Load(Repository.Path("RedisClusterOps.Format.ps1xml"));
        Assert.Empty(format.Descendants("ScriptBlock"));
        foreach (var view in format.Descendants("View"))
        {
            var type = typeof(RedisCluster).Assembly.GetType(TypeIn(view.Descendants("TypeName").Single()), throwOnError: true)!;
            foreach (var binding in view.Descendants("ExpressionBinding").Where(binding => binding.Element("CustomControl") is not null))
                CheckProperties(binding.Element("CustomControl")!, ItemType(type.GetProperty(binding.Element("PropertyName")!.Value)!));
            CheckProperties(view, type);
        }

        // A single value is bound as a list, so that nothing is shown if it is null.
        static Type ItemType(PropertyInfo list) => list.PropertyType.GetGenericArguments().SingleOrDefault() ?? list.PropertyType;

        static void CheckProperties(XElement part, Type type)
        {
            foreach (var name in part.Descendants("PropertyName").Where(name => BelongsTo(name, part)))
                Assert.True(Has(type, name.Value), type.Name + " has no " + name.Value);
        }

        static bool BelongsTo(XElement name, XElement part) =>
            name.Ancestors("CustomControl").FirstOrDefault() is not { } control || control == part || control.Parent == part;
    }

    [Fact]
    public void Every_type_with_a_view_has_at_most_eight_default_properties_and_no_code()
    {
        var types = XDocument.Load(Repository.Path("RedisClusterOps.Types.ps1xml"));
        Assert.DoesNotContain(types.Descendants(), element => element.Name.LocalName is "ScriptProperty" or "ScriptBlock");
        Assert.All(types.Descendants("CodeProperty"), property =>
            Assert.Equal("RedisClusterOps.ClusterName", property.Descendants("TypeName").Single().Value));
        var shown = types.Root!.Elements("Type").Where(type => type.Element("Name")!.Value != "RedisClusterOps.ClusterName").ToList();
        Assert.All(shown, type => Assert.Equal(
            typeof(IClusterResult).IsAssignableFrom(typeof(RedisCluster).Assembly.GetType(type.Element("Name")!.Value)),
            type.Descendants("CodeProperty").Any()));
        var sets = shown.ToDictionary(
            type => type.Element("Name")!.Value,
            type => type.Descendants("ReferencedProperties").Single().Elements("Name").Select(name => name.Value).ToList());
        var views = XDocument.Load(Repository.Path("RedisClusterOps.Format.ps1xml")).Descendants("TypeName").Select(TypeIn);
        Assert.Equal(views.Distinct().Order(StringComparer.Ordinal), sets.Keys.Order(StringComparer.Ordinal));
        foreach (var set in sets)
        {
            Assert.InRange(set.Value.Count, 1, 8);
            var type = typeof(RedisCluster).Assembly.GetType(set.Key, throwOnError: true)!;
            Assert.All(set.Value, name => Assert.True(Has(type, name), set.Key + " has no " + name));
        }
    }

    // The types file adds the cluster to each result.
    private static bool Has(Type type, string property) => type.GetProperty(property) is not null
        || (property == "Cluster" && typeof(IClusterResult).IsAssignableFrom(type));

    // A part after '#' selects a view for some objects of the type.
    private static string TypeIn(XElement name) => name.Value.Split('#')[0];

    [Fact]
    public void Table_columns_match_their_headers_and_fit_the_window_and_a_text_gets_25_columns()
    {
        foreach (var table in XDocument.Load(Repository.Path("RedisClusterOps.Format.ps1xml")).Descendants("TableControl"))
        {
            var headers = table.Descendants("TableColumnHeader").ToArray();
            Assert.Equal(headers.Length, table.Descendants("TableColumnItem").Count());
            var widths = headers.Select(header => (int?)header.Element("Width")).ToArray();
            // A column without a width gets the remaining space.
            Assert.InRange(widths.Sum(width => width ?? Text) + widths.Length - 1, 1, 119);
            // A console of 80 columns shows 79.
            Assert.All(new[] { 79, 80, 119, 120, 199, 200 }, window => AssertNoColumnIsSqueezed(widths, window));
            // A narrower window drops the last columns. What explains a row, or is to be run, is never dropped.
            var names = table.Descendants("TableColumnItem").Select(item => item.Element("PropertyName")!.Value).ToList();
            if (names[names.Count - 1] is "Advice" or "Reason" or "Message" or "Trouble")
                Assert.InRange(widths.Sum(width => width ?? Text) + widths.Length - 1, 1, 79);
        }
    }

    // A longer text in a narrower column is a ladder of words.
    private const int Text = 25;

    // The first column that does not fit gets what is left of the window, down to one character, which breaks its header.
    private static void AssertNoColumnIsSqueezed(int?[] widths, int window)
    {
        var used = -1;
        foreach (var width in widths)
        {
            if (width is null)
            {
                Assert.InRange(window - used - 1, Text, window);
                return;
            }

            if (used + 1 + width > window)
            {
                Assert.InRange(used, window - 1, window);
                return;
            }

            used += 1 + width.Value;
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_output_type_has_a_view(string name)
    {
        var format = XDocument.Load(Repository.Path("RedisClusterOps.Format.ps1xml"));
        var views = format.Descendants("TypeName").Select(element => element.Value).ToHashSet();
        var types = Cmdlet(name).Type.GetCustomAttributes<OutputTypeAttribute>()
            .SelectMany(attribute => attribute.Type).Select(type => type.Type);
        Assert.All(types.Where(type => type.Assembly == typeof(RedisCluster).Assembly), type => Assert.Contains(type.FullName!, views));
    }

    [Theory, MemberData(nameof(Names))]
    public void Its_help_documents_every_parameter(string name)
    {
        var help = XDocument.Load(Repository.Path("en-US/RedisClusterOps.dll-Help.xml")).Descendants(Command + "command")
            .Single(command => command.Element(Command + "details")!.Element(Command + "name")!.Value.Trim() == name);
        Assert.NotEmpty(help.Element(Command + "details")!.Element(Maml + "description")!.Value.Trim());
        Assert.InRange(help.Descendants(Command + "example").Count(), 3, 5);
        var documented = help.Element(Command + "parameters")?.Elements(Command + "parameter").ToDictionary(
            parameter => parameter.Element(Maml + "name")!.Value,
            parameter => parameter.Element(Maml + "description")?.Value.Trim() ?? string.Empty)
            ?? [];
        var added = Cmdlet(name).Attribute.SupportsShouldProcess ? new[] { "WhatIf", "Confirm" } : [];
        foreach (var parameter in Cmdlet(name).Parameters.Select(parameter => parameter.Name).Concat(added))
        {
            var isDocumented = documented.TryGetValue(parameter, out var text) && text.Length > 0;
            Assert.True(isDocumented, name + " -" + parameter + " is not documented");
        }

        Assert.DoesNotContain("{{", help.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("```", help.ToString(), StringComparison.Ordinal);
        Assert.True(File.Exists(Repository.Path("docs/en-US/" + name + ".md")));
    }

    [Theory]
    [InlineData("about_RedisClusterOps")]
    [InlineData("about_RedisClusterOps_Decisions")]
    [InlineData("about_RedisClusterOps_Runbooks")]
    [InlineData("about_RedisSlotMigration")]
    public void An_about_topic_is_ASCII_of_at_most_80_columns(string topic)
    {
        var lines = File.ReadAllLines(Repository.Path("en-US/" + topic + ".help.txt"));
        Assert.Equal(topic, lines.First(line => line.StartsWith("    ", StringComparison.Ordinal)).Trim());
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 80));
        Assert.All(lines, line => Assert.DoesNotContain(line, c => c > '\x7e' || c < ' '));
    }

    [Fact]
    public void No_text_or_JSON_of_a_session_contains_its_password()
    {
        const string Secret = "s3cret-word";
        var session = RedisClusterSession.Parse("redis://admin:" + Secret + "@127.0.0.1:7000");
        var reference = new RedisClusterReference("redis://admin:" + Secret + "@127.0.0.1:7000");
        string[] texts =
        [
            JsonSerializer.Serialize(session), session.ToString(), JsonSerializer.Serialize(reference), reference.ToString(),
            JsonSerializer.Serialize(new RedisOpenSlot { Cluster = session }), new RedisOpenSlot { Cluster = session }.ToString(),
        ];
        Assert.All(texts, text => Assert.DoesNotContain(Secret, text, StringComparison.Ordinal));
        Assert.Contains("admin", texts[0], StringComparison.Ordinal);
    }

    private static CmdletClass Cmdlet(string name) => CmdletClass.All.Single(cmdlet => cmdlet.Name == name);
}
