using Google.Protobuf;
using LampQ.Onnx.Proto;

namespace LampQ.Onnx.Tests;

[TestClass]
public class ModelCheckerTests
{
    [TestMethod]
    [DataRow(SharedModels.DeitTiny)]
    [DataRow(SharedModels.VitTiny)]
    [DataRow(SharedModels.VitMnist)]
    [DataRow(SharedModels.Plates)]
    [DataRow(SharedModels.Detector)]
    public void Check_RealModel_FindsNothing(string file) => Clean(ModelChecker.Check(SharedModels.Bytes(file)));

    [TestMethod]
    [DataRow(SharedModels.DeitTiny)]
    [DataRow(SharedModels.Detector)]
    public void Check_RealModelFoldedAndUpgraded_FindsNothing(string file) =>
        Clean(ModelChecker.Check(new OpsetUpgrade(21).Apply(new ConstantFolding().Apply(SharedModels.Read(file)))));

    [TestMethod]
    public void Check_GoodTinyModel_FindsNothing() => Clean(ModelChecker.Check(Good()));

    [TestMethod]
    public void Check_NotAModel_IsAFileProblem() => Only(ProblemKind.File, ModelChecker.Check(new byte[] { 1, 2, 3 }));

    [TestMethod]
    public void Check_UnimportedDomain_IsAnOpsetProblem()
    {
        var model = Good();
        model.Graph.AddOutput(model.Graph.AddNode("Wavelet", [model.Graph.Inputs[0]], ["z"], "my.domain").Output);

        Only(ProblemKind.Opset, ModelChecker.Check(model), "my.domain");
    }

    [TestMethod]
    public void Check_OpsetImportedTwice_IsAnOpsetProblem() =>
        Only(ProblemKind.Opset, Broken(p => p.OpsetImport.Add(new OperatorSetIdProto { Version = 17 })), "2 times");

    [TestMethod]
    public void Check_IrVersionOlderThanOpset_IsReported()
    {
        var model = Good();
        model.IrVersion = 3;

        Only(ProblemKind.IrVersion, ModelChecker.Check(model), "opset 17");
    }

    [TestMethod]
    public void Check_IrVersionSixWithOpsetFourteen_IsAcceptedBecausePyTorchWroteIt()
    {
        var one = new OneNodeModel(14);
        one.With("Relu", [one.Floats(2)]);
        one.Model.IrVersion = 6;

        Clean(ModelChecker.Check(one.Model));
    }

    [TestMethod]
    public void Check_OperatorOfALaterOpset_SaysFromWhichOpsetItExists()
    {
        var one = new OneNodeModel(17);
        one.With("Gelu", [one.Floats(2)]);

        Only(ProblemKind.Operator, ModelChecker.Check(one.Model), "from opset 20");
    }

    [TestMethod]
    public void Check_RemovedOperator_IsReported()
    {
        var one = new OneNodeModel(17);
        one.With("Upsample", [one.Floats(1, 1, 2, 2), one.Constant([1, 1, 2, 2], 4)]);

        Only(ProblemKind.Operator, ModelChecker.Check(one.Model), "removed in opset 10");
    }

    [TestMethod]
    public void Check_UnknownOperator_IsReported()
    {
        var one = new OneNodeModel(17);
        one.With("Wavelet", [one.Floats(2)]);

        Only(ProblemKind.Operator, ModelChecker.Check(one.Model), "Wavelet");
    }

    [TestMethod]
    public void Check_TooFewInputs_IsReported()
    {
        var one = new OneNodeModel(17);
        one.With("MatMul", [one.Floats(2, 2)]);

        Only(ProblemKind.Operator, ModelChecker.Check(one.Model), "takes 2");
    }

    [TestMethod]
    public void Check_TooManyInputs_IsReported()
    {
        var one = new OneNodeModel(17);
        one.With("Relu", [one.Floats(2), one.Floats(2)]);

        Only(ProblemKind.Operator, ModelChecker.Check(one.Model), "takes 1");
    }

    [TestMethod]
    public void Check_RequiredInputLeftOut_IsReported()
    {
        var one = new OneNodeModel(17);
        one.With("LayerNormalization", [one.Floats(2), null, one.Floats(2)]);

        Only(ProblemKind.Operator, ModelChecker.Check(one.Model), "input 1 is left out");
    }

    [TestMethod]
    public void Check_MissingAttribute_IsReported()
    {
        var one = new OneNodeModel(17);
        one.With("Concat", [one.Floats(2)]);

        Only(ProblemKind.Attribute, ModelChecker.Check(one.Model), "'axis' is missing");
    }

    [TestMethod]
    public void Check_AttributeOfAnOlderOpset_IsReported()
    {
        var one = new OneNodeModel(17);
        one.With("Squeeze", [one.Floats(1, 2)], 1, ("axes", new long[] { 0 }));

        Only(ProblemKind.Attribute, ModelChecker.Check(one.Model), "no attribute 'axes'");
    }

    [TestMethod]
    public void Check_AttributeOfAnotherType_IsReported()
    {
        var one = new OneNodeModel(17);
        one.With("Softmax", [one.Floats(1, 2)], 1, ("axis", 1.5f));

        Only(ProblemKind.Attribute, ModelChecker.Check(one.Model), "has the type f, expected i");
    }

    [TestMethod]
    public void Check_FactorsThatDoNotFit_NamesNodeAndBothSizes()
    {
        var one = new OneNodeModel(17);
        one.With("MatMul", [one.Floats(2, 3), one.Floats(4, 5)]);

        Only(ProblemKind.Shape, ModelChecker.Check(one.Model), "'node' (MatMul)", "3 and 4");
    }

    [TestMethod]
    public void Check_StatedShapeThatInferenceContradicts_IsReported()
    {
        var model = Good();
        model.Graph.Outputs[0].Shape = [2, 99];

        Only(ProblemKind.Shape, ModelChecker.Check(model), "[2,99]");
    }

    [TestMethod]
    public void Check_StatedTypeThatInferenceContradicts_IsReported()
    {
        var model = Good();
        model.Graph.Outputs[0].Type = ElementType.Int64;

        Only(ProblemKind.Type, ModelChecker.Check(model), "Int64");
    }

    [TestMethod]
    public void Check_IntegersIntoSoftmax_IsATypeProblem()
    {
        var one = new OneNodeModel(17);
        one.With("Softmax", [one.Ints(1, 2)]);

        Only(ProblemKind.Type, ModelChecker.Check(one.Model), "Int64");
    }

    [TestMethod]
    public void Check_InputsOfTwoTypes_IsATypeProblem()
    {
        var one = new OneNodeModel(17);
        one.With("Add", [one.Floats(2), one.Ints(1, 2)]);

        Only(ProblemKind.Type, ModelChecker.Check(one.Model), "same type");
    }

    [TestMethod]
    public void Check_IntegerClipBeforeTwelve_IsATypeProblem()
    {
        var one = new OneNodeModel(11);
        one.With("Clip", [one.Constant(Tensor.Of(new sbyte[] { 1 }))]);

        Only(ProblemKind.Type, ModelChecker.Check(one.Model), "Int8");
    }

    [TestMethod]
    public void Check_NodeBeforeTheOneItNeeds_IsAnOrderProblem() =>
        Only(ProblemKind.Order, Broken(p =>
        {
            var first = p.Graph.Node[0];
            p.Graph.Node.RemoveAt(0);
            p.Graph.Node.Add(first);
        }), "before it is computed");

    [TestMethod]
    public void Check_Cycle_IsAnOrderProblem() => Only(ProblemKind.Order, Broken(p => p.Graph.Node[0].Input[0] = "y"), "before it is computed");

    [TestMethod]
    public void Check_NameUsedByTwoNodes_IsANameProblem() =>
        Only(ProblemKind.Name, Broken(p => p.Graph.Node[1].Name = p.Graph.Node[0].Name), "Two nodes");

    [TestMethod]
    public void Check_InputWithoutName_IsANameProblem() =>
        Only(ProblemKind.Name, Broken(p => p.Graph.Input.Add(new ValueInfoProto(p.Graph.Input[0]) { Name = "" })), "no name");

    [TestMethod]
    public void Check_ValueDefinedTwice_IsADefinitionProblem() =>
        Only(ProblemKind.Definition, Broken(p => p.Graph.Node[1].Output[0] = p.Graph.Node[0].Output[0]), "defined twice");

    [TestMethod]
    public void Check_UndefinedInput_IsADefinitionProblem() => Only(ProblemKind.Definition, Broken(p => p.Graph.Node[0].Input[0] = "nowhere"), "'nowhere'");

    [TestMethod]
    public void Check_OutputThatNothingComputes_IsADefinitionProblem() => Only(ProblemKind.Definition, Broken(p => p.Graph.Output[0].Name = "nowhere"), "'nowhere'");

    [TestMethod]
    public void Check_InitializerWithAByteTooFew_IsATensorProblem() =>
        Only(ProblemKind.Tensor, Broken(p => p.Graph.Initializer[0].RawData = ByteString.CopyFrom(p.Graph.Initializer[0].RawData.Span[1..])), "47");

    [TestMethod]
    public void Check_MetadataKeyTwice_IsAMetadataProblem() =>
        Only(ProblemKind.Metadata, Broken(p =>
        {
            p.MetadataProps.Add(new StringStringEntryProto { Key = "bits", Value = "4" });
            p.MetadataProps.Add(new StringStringEntryProto { Key = "bits", Value = "8" });
        }), "'bits'");

    [TestMethod]
    public void Check_Int4BeforeTwentyOne_IsATypeProblem() =>
        Only(ProblemKind.Type, Dequantized(17, Tensor.OfInt4([1, 2, 3, 4], 2, 2), Tensor.Scalar(0.5f), null), "opset 21");

    [TestMethod]
    public void Check_Int4AtTwentyOne_IsGood() =>
        Clean(Dequantized(21, Tensor.OfInt4([1, 2, 3, 4], 2, 2), Tensor.Scalar(0.5f), null));

    [TestMethod]
    public void Check_ScalePerChannelBeforeThirteen_IsAQuantizationProblem() =>
        Only(ProblemKind.Quantization, Dequantized(12, Codes(), Tensor.Of([0.5f, 1]), null), "opset 13");

    [TestMethod]
    public void Check_ScalesThatAreNotTheChannels_IsAQuantizationProblem() =>
        Only(ProblemKind.Quantization, Dequantized(13, Codes(), Tensor.Of([0.5f, 1, 2]), null), "3 scales for the 2 channels");

    [TestMethod]
    public void Check_ZeroPointOfAnotherShape_IsAQuantizationProblem() =>
        Only(ProblemKind.Quantization, Dequantized(13, Codes(), Tensor.Of([0.5f, 1]), Tensor.Scalar((sbyte)0)), "same shape");

    [TestMethod]
    public void Check_ZeroPointOfAnotherType_IsAQuantizationProblem() =>
        Only(ProblemKind.Quantization, Dequantized(13, Codes(), Tensor.Scalar(0.5f), Tensor.Scalar((byte)0)), "Int8", "UInt8");

    [TestMethod]
    [DataRow(0f)]
    [DataRow(-1f)]
    [DataRow(float.NaN)]
    public void Check_ScaleThatIsNotPositive_IsAQuantizationProblem(float scale) =>
        Only(ProblemKind.Quantization, Dequantized(13, Codes(), Tensor.Scalar(scale), null), "positive");

    [TestMethod]
    public void Check_SeveralProblems_ReportsAll()
    {
        var one = new OneNodeModel(17);
        one.With("Softmax", [one.Ints(1, 2)], 1, ("direction", "left"));
        one.Model.IrVersion = 3;

        CollectionAssert.AreEquivalent(new[] { ProblemKind.IrVersion, ProblemKind.Attribute, ProblemKind.Type }, ModelChecker.Check(one.Model).Select(p => p.Kind).ToArray());
    }

    [TestMethod]
    public void Check_EveryOperatorThatIsInferredOrUpgraded_IsInTheTable()
    {
        var missing = OpsetChanges.Changed.Concat(OpsetChanges.Unchanged).Concat(ShapeRules.Operators).Where(op => !OperatorTable.Has(op));

        Assert.AreEqual("", string.Join(",", missing));
    }

    static Model Good()
    {
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, 2, 3);
        var w = model.Graph.AddInitializer("w", RandomTensors.Floats(1, 3, 4));
        model.Graph.AddOutput(model.Graph.Emit("Relu", [model.Graph.Emit("MatMul", [x, w], "product")], "y"));
        ShapeInference.Infer(model);
        return model;
    }

    static IReadOnlyList<Problem> Broken(Action<ModelProto> damage)
    {
        var proto = ModelProto.Parser.ParseFrom(Good().ToBytes());
        damage(proto);
        return ModelChecker.Check(proto.ToByteArray());
    }

    static Tensor Codes() => Tensor.Of(new sbyte[] { 1, -2, 3, 4 }, 2, 2);

    static IReadOnlyList<Problem> Dequantized(long opset, Tensor codes, Tensor scale, Tensor? zeroPoint)
    {
        var one = new OneNodeModel(opset);
        one.With("DequantizeLinear", zeroPoint is null ? [one.Constant(codes), one.Constant(scale)] : [one.Constant(codes), one.Constant(scale), one.Constant(zeroPoint)]);
        return ModelChecker.Check(one.Model);
    }

    static void Clean(IReadOnlyList<Problem> problems) => Assert.AreEqual("", string.Join("\n", problems));

    static void Only(ProblemKind kind, IReadOnlyList<Problem> problems, params string[] parts)
    {
        Assert.IsTrue(problems.Count > 0, "No problem was found.");
        Assert.IsTrue(problems.All(p => p.Kind == kind), string.Join("\n", problems));
        foreach (string part in parts)
            StringAssert.Contains(problems[0].Message, part);
    }
}
